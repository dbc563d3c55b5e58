/** The forms in which services send certificates and lists, made one. */
import { InclavareError } from "@inclavare/errors";
import { fromPem, type PemLabel, toPem } from "@inclavare/x509";

const DER_SEQUENCE = 0x30;

/**
 * DER, PEM, or, as a PCCS sends it, hexadecimal of DER.
 * @returns PEM of the label. @throws InclavareError ERR_COLLATERAL_FORMAT
 */
export function toPemText(body: Uint8Array, label: PemLabel, what: string): string {
  if (body[0] === DER_SEQUENCE && (body[1] ?? 0) >= 0x80) return toPem(body, label);
  const text = Buffer.from(body.buffer, body.byteOffset, body.length).toString("latin1").trim();
  const hex = text.replace(/^"(.*)"$/u, "$1");
  if (/^(?:[0-9a-f]{2})+$/iu.test(hex)) return toPem(Buffer.from(hex, "hex"), label);
  try {
    return fromPem(text, label, what)
      .map((der) => toPem(der, label))
      .join("");
  } catch (cause) {
    throw new InclavareError("ERR_COLLATERAL_FORMAT", `${what} is neither DER nor PEM nor hexadecimal`, { cause });
  }
}
