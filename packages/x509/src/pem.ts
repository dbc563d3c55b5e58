/** PEM (RFC 7468): the strict form, and what tools put around it: text before, a NUL behind. */
import { InclavareError } from "@inclavare/errors";

export type PemLabel = "CERTIFICATE" | "X509 CRL";
const MOST_BLOCKS = 64;

export function toPem(der: Uint8Array, label: PemLabel): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/gu) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/** Every block of the label, in order. @throws ERR_PEM when there is none, or one is not base64. */
export function fromPem(text: string, label: PemLabel, what: string): Uint8Array[] {
  const pattern = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]*)-----END ${label}-----`, "gu");
  const blocks = [...text.matchAll(pattern)].map(([, body = ""]) => {
    const packed = body.replace(/\s+/gu, "");
    const bytes = Buffer.from(packed, "base64");
    if (bytes.toString("base64") !== packed)
      throw new InclavareError("ERR_PEM", `${what} has a ${label} block that is not base64`);
    return Uint8Array.from(bytes);
  });
  const begun = text.split(`-----BEGIN ${label}-----`).length - 1;
  if (blocks.length === 0 || blocks.length !== begun)
    throw new InclavareError("ERR_PEM", `${what} has ${begun} ${label} blocks, ${blocks.length} of them whole`);
  if (blocks.length > MOST_BLOCKS)
    throw new InclavareError("ERR_PEM", `${what} has ${blocks.length} blocks, at most ${MOST_BLOCKS} are read`);
  return blocks;
}

/** DER as it is, or the one block that a PEM text holds. */
export function derOrPem(input: Uint8Array | string, label: PemLabel, what: string): Uint8Array {
  if (typeof input !== "string" && input[0] === 0x30) return input;
  const text = typeof input === "string" ? input : Buffer.from(input).toString("latin1");
  const [first, ...others] = fromPem(text, label, what);
  if (first === undefined || others.length > 0)
    throw new InclavareError("ERR_PEM", `${what} has ${others.length + 1} ${label} blocks, expected one`);
  return first;
}
