import { InclavareError } from "@inclavare/errors";

/** The records of a pax extended header; values stay bytes, because an extended attribute may hold any. */
export type PaxRecords = ReadonlyMap<string, Uint8Array>;

/**
 * Decodes a pax extended header: records `LENGTH KEY=VALUE\n`, LENGTH counting the whole record in bytes.
 * @throws ERR_OCI_LAYER for anything else; nothing malformed is passed over in silence.
 * @see POSIX.1-2017, pax, "pax Extended Header"
 */
export function decodePax(bytes: Uint8Array, what: string): PaxRecords {
  const records = new Map<string, Uint8Array>();
  for (let offset = 0; offset < bytes.byteLength;) {
    const space = bytes.indexOf(0x20, offset);
    const digits = space < 0 ? "" : ascii(bytes.subarray(offset, Math.min(space, offset + 20)));
    const end = offset + (/^[1-9]\d*$/u.test(digits) ? Number(digits) : Number.NaN);
    const equals = bytes.indexOf(0x3d, space);
    const sound = end <= bytes.byteLength && equals > space + 1 && equals < end && bytes[end - 1] === 0x0a;
    if (!sound) throw new InclavareError("ERR_OCI_LAYER", `${what}: a pax header is malformed at byte ${offset}`);
    // A copy, because a view would keep the whole chunk of the archive in memory.
    records.set(ascii(bytes.subarray(space + 1, equals)), new Uint8Array(bytes.subarray(equals + 1, end - 1)));
    offset = end;
  }
  return records;
}

/** Encodes records, sorted by key so that the same records give the same bytes. */
export function encodePax(records: PaxRecords): Uint8Array {
  const sorted = [...records].toSorted(([left], [right]) => (left < right ? -1 : 1));
  return Buffer.concat(sorted.map(([key, value]) => encodeRecord(key, value)));
}

function encodeRecord(key: string, value: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = body.byteLength;
  // The length counts its own digits, whose number it may change.
  while (length !== body.byteLength + String(length).length) length = body.byteLength + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

function ascii(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
