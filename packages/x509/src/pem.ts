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
  const [begin, end] = [`-----BEGIN ${label}-----`, `-----END ${label}-----`];
  const blocks: Uint8Array[] = [];
  for (let at = text.indexOf(begin); at >= 0; at = text.indexOf(begin, at)) {
    const start = at + begin.length;
    at = text.indexOf("-----", start);
    if (at < 0 || !text.startsWith(end, at))
      throw new InclavareError("ERR_PEM", `${what} has a ${label} block that does not end`);
    if (blocks.length === MOST_BLOCKS)
      throw new InclavareError("ERR_PEM", `${what} has more than ${MOST_BLOCKS} ${label} blocks`);
    blocks.push(fromBase64(text.slice(start, at), `${what} has a ${label} block that is not base64`));
  }
  if (blocks.length === 0) throw new InclavareError("ERR_PEM", `${what} has no ${label} block`);
  return blocks;
}

/** Canonical base64, with white space between. */
function fromBase64(body: string, failure: string): Uint8Array {
  const bytes = Buffer.from(body, "base64");
  const canonical = bytes.toString("base64");
  // Nearly all have nothing but line ends between.
  const isCanonical =
    body.replaceAll("\n", "").replaceAll("\r", "") === canonical || body.replace(/\s+/gu, "") === canonical;
  if (!isCanonical) throw new InclavareError("ERR_PEM", failure);
  return new Uint8Array(bytes);
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
