/** Files of endorsements in the forms that people have them in, as PEM. @see GHCB specification, certificate table of the extended report */
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { parseCertificate, parseCrl, toPem } from "@inclavare/x509";

const MOST_TABLE_BYTES = 256 * 1024;
const ENTRY_BYTES = 24;
const MOST_ENTRIES = 64;
/** The certificates of a table, by GUID; the table may hold others. */
const GUIDS: ReadonlySet<string> = new Set([
  "63da758de6644564adc5f4b93be8accd", // VCEK
  "a8074bc2a25a483eaae639c045a0b8a1", // VLEK
  "4ab7b379bbac4fe4a02f05aef327c782", // ASK or ASVK
  "c0b406a4a803495297433fb6014cd0ae", // ARK: a hint only, since the host made the table
]);

/**
 * PEM text as it is, DER of a certificate or of a revocation list, or a guest's certificate table (configfs-tsm's auxblob).
 * @throws InclavareError ERR_COLLATERAL_FORMAT for anything else
 */
export function endorsementToPem(bytes: Uint8Array, what: string): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  if (text.includes("-----BEGIN ")) return text;
  if (bytes[0] !== 0x30) return certificateTableToPem(bytes, what);
  const failures: unknown[] = [];
  for (const [label, parse] of [
    ["CERTIFICATE", parseCertificate],
    ["X509 CRL", parseCrl],
  ] as const) {
    try {
      parse(bytes, what);
      return toPem(bytes, label);
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      failures.push(error);
    }
  }
  throw new InclavareError("ERR_COLLATERAL_FORMAT", `${what} is neither a certificate nor a revocation list`, {
    cause: failures[0],
  });
}

/**
 * Entries of GUID, offset and length, then the DER that they point to. GUIDs are taken in both byte orders that producers
 * write. The table comes from the host, so nothing in it is trusted for being there.
 */
function certificateTableToPem(table: Uint8Array, what: string): string {
  const b = Buffer.from(table.buffer, table.byteOffset, table.length);
  const malformed = (rule: string): InclavareError =>
    new InclavareError("ERR_COLLATERAL_FORMAT", `${what} is no PEM, no DER, and as a certificate table it ${rule}`);
  if (b.length > MOST_TABLE_BYTES) throw malformed(`is larger than ${MOST_TABLE_BYTES} bytes`);
  const found: string[] = [];
  for (let entry = 0; ; entry += 1) {
    const start = entry * ENTRY_BYTES;
    if (entry >= MOST_ENTRIES || start + ENTRY_BYTES > b.length) throw malformed("has no end");
    const guid = b.subarray(start, start + 16);
    if (guid.every((byte) => byte === 0)) return found.join("");
    const offset = b.readUInt32LE(start + 16);
    const end = offset + b.readUInt32LE(start + 20);
    if (end > b.length) throw malformed(`has an entry that ends at ${end}, behind its ${b.length} bytes`);
    if (GUIDS.has(guid.toString("hex")) || GUIDS.has(mixedEndian(guid).toString("hex"))) {
      found.push(toPem(b.subarray(offset, end), "CERTIFICATE"));
    }
  }
}

/** The first three fields of a GUID turned round. */
function mixedEndian(guid: Buffer): Buffer {
  const fields = [guid.subarray(0, 4), guid.subarray(4, 6), guid.subarray(6, 8)];
  return Buffer.concat([...fields.map((field) => Buffer.from(field).reverse()), guid.subarray(8)]);
}
