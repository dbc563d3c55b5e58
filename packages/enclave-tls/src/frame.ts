import { InclavareError } from "@inclavare/errors";

/** The frames of a connection, by their wire number. */
const FRAME_TYPES = { challenge: 1, evidence: 2, accept: 3, refuse: 4, data: 5, end: 6 } as const;

export type FrameType = keyof typeof FRAME_TYPES;

/** A frame is a type (u8), the length of its body (u32, big-endian), and the body. */
export const FRAME_HEADER_BYTES = 5;

/** A nonce is exactly this long. */
export const NONCE_BYTES = 32;

/** The largest body of a data frame; it is passed on as it comes in, so nobody holds it whole. */
export const MOST_DATA_BYTES = 1 << 16;

/** The largest body of each type; the smallest is 0, except where {@link decodeFrameHeader} says otherwise. */
const MAX_BODY_BYTES: Readonly<Record<FrameType, number>> = {
  challenge: NONCE_BYTES,
  evidence: 1 << 20,
  accept: 0,
  refuse: 4096,
  data: MOST_DATA_BYTES,
  end: 0,
};

const NAMES: ReadonlyMap<number, FrameType> = new Map(
  Object.entries(FRAME_TYPES).map(([name, wire]) => [wire, name as FrameType]),
);

export interface FrameHeader {
  readonly type: FrameType;
  readonly bodyBytes: number;
}

/**
 * Reads the five bytes in front of a body.
 * @throws InclavareError ERR_TLS_PROTOCOL for an unknown type, or a length that the type does not allow (a challenge
 * has 0 or 32 bytes, data at least one).
 */
export function decodeFrameHeader(bytes: Uint8Array): FrameHeader {
  if (bytes.length !== FRAME_HEADER_BYTES) {
    throw new InclavareError("ERR_TLS_PROTOCOL", `frame header is ${bytes.length} bytes, expected 5`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const type = NAMES.get(view.getUint8(0));
  if (type === undefined) throw new InclavareError("ERR_TLS_PROTOCOL", `unknown frame type ${view.getUint8(0)}`);
  const bodyBytes = view.getUint32(1);
  const wrongNonce = type === "challenge" && bodyBytes !== 0 && bodyBytes !== NONCE_BYTES;
  const noData = type === "data" && bodyBytes === 0;
  if (bodyBytes > MAX_BODY_BYTES[type] || wrongNonce || noData) {
    throw new InclavareError("ERR_TLS_PROTOCOL", `${type} frame announces ${bodyBytes} bytes`);
  }
  return { type, bodyBytes };
}

/** The five bytes in front of a body. @throws InclavareError ERR_TLS_PROTOCOL for a size that no receiver would take. */
export function encodeFrameHeader(type: FrameType, bodyBytes: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(FRAME_HEADER_BYTES);
  const view = new DataView(header.buffer);
  view.setUint8(0, FRAME_TYPES[type]);
  view.setUint32(1, bodyBytes);
  decodeFrameHeader(header);
  return header;
}

/** @throws InclavareError ERR_TLS_PROTOCOL for a body that no receiver would take. */
export function encodeFrame(type: FrameType, body: Uint8Array = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_HEADER_BYTES + body.length);
  frame.set(encodeFrameHeader(type, body.length));
  frame.set(body, FRAME_HEADER_BYTES);
  return frame;
}
