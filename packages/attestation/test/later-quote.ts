/** Quotes of versions 4 and 5 for the attestation worlds of tests, laid out by hand so that every part can be wrong. */
import type { QuoteParts } from "@inclavare/sgx";

export interface TdOptions {
  readonly version?: 4 | 5;
  /** Version 5 only; left out: 3, TDX 1.5. */
  readonly bodyType?: number;
  readonly bodySize?: number;
  readonly teeTcbSvn?: readonly number[];
  readonly teeTcbSvn2?: readonly number[];
  readonly mrSignerSeam?: Uint8Array;
  readonly seamAttributes?: Uint8Array;
  readonly tdAttributes?: bigint;
  readonly mrServiceTd?: Uint8Array;
  readonly reportData?: Uint8Array;
  /** Of the outer certification data; left out: 6. */
  readonly outerType?: number;
}

const TUD_SEPT_VE_DISABLE = 1n << 28n;
const VENDOR = Buffer.from("939a7233f79c4ca9940a0db3957f0607", "hex");

/** Header, descriptor and body: what the attestation key signs. */
export function tdSignedBytes(options: TdOptions): Buffer {
  const { version = 4, bodyType = 3 } = options;
  const is15 = version === 5 && bodyType === 3;
  const body = Buffer.alloc(is15 ? 648 : 584);
  Buffer.from(options.teeTcbSvn ?? [5, 0, 5, ...Array<number>(13).fill(5)]).copy(body, 0);
  Buffer.alloc(48, 0x5e).copy(body, 16);
  Buffer.from(options.mrSignerSeam ?? new Uint8Array(48)).copy(body, 64);
  Buffer.from(options.seamAttributes ?? new Uint8Array(8)).copy(body, 112);
  body.writeBigUInt64LE(options.tdAttributes ?? TUD_SEPT_VE_DISABLE, 120);
  body.writeBigUInt64LE(0xe7n, 128);
  for (const [index, offset] of [136, 184, 232, 280, 328, 376, 424, 472].entries())
    body.fill(index + 1, offset, offset + 48);
  Buffer.from(options.reportData ?? new Uint8Array(64)).copy(body, 520);
  if (is15) {
    Buffer.from(options.teeTcbSvn2 ?? [5, 0, 5]).copy(body, 584);
    Buffer.from(options.mrServiceTd ?? new Uint8Array(48)).copy(body, 600);
  }
  return withHeader(body, { version, teeType: 0x81, bodyType, bodySize: options.bodySize ?? body.length });
}

/** As {@link tdSignedBytes}, for an enclave. */
export function enclaveSignedBytes(version: 4 | 5, report: Uint8Array): Buffer {
  return withHeader(report, { version, teeType: 0, bodyType: 1, bodySize: report.length });
}

interface Descriptor {
  readonly version: 4 | 5;
  readonly teeType: number;
  readonly bodyType: number;
  readonly bodySize: number;
}

function withHeader(body: Uint8Array, { version, teeType, bodyType, bodySize }: Descriptor): Buffer {
  const header = Buffer.alloc(48);
  header.writeUInt16LE(version, 0);
  header.writeUInt16LE(2, 2);
  header.writeUInt32LE(teeType, 4);
  VENDOR.copy(header, 12);
  if (version === 4) return Buffer.concat([header, body]);
  const descriptor = Buffer.alloc(6);
  descriptor.writeUInt16LE(bodyType, 0);
  descriptor.writeUInt32LE(bodySize, 2);
  return Buffer.concat([header, descriptor, body]);
}

/** A whole quote of version 4 or 5. */
export function encodeLaterQuote(parts: QuoteParts, { outerType = 6 }: { readonly outerType?: number } = {}): Buffer {
  const { type, data } = parts.certificationData;
  const inner = Buffer.concat([
    parts.qeReportBytes,
    parts.qeReportSignature,
    u16(parts.qeAuthData.length),
    parts.qeAuthData,
    u16(type),
    u32(data.length),
    data,
  ]);
  const auth = Buffer.concat([parts.signature, parts.attestationKey, u16(outerType), u32(inner.length), inner]);
  return Buffer.concat([parts.signedBytes, u32(auth.length), auth]);
}

function u16(value: number): Buffer {
  return Buffer.from([value & 0xff, value >> 8]);
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
