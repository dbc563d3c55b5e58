/** Issuer chains as Intel's services send them. */
import { InclavareError } from "@inclavare/errors";
import { toPemText } from "../pem-text.ts";

/**
 * An issuer chain as it stands in a header: percent-encoded PEM, in which a plus sign is a plus sign.
 * @throws InclavareError ERR_COLLATERAL_FORMAT
 */
export function decodeChainHeader(value: string | readonly string[] | undefined, what: string): string {
  if (typeof value !== "string") throw new InclavareError("ERR_COLLATERAL_FORMAT", `${what} is missing`);
  let pem: string;
  try {
    pem = decodeURIComponent(value);
  } catch (cause) {
    throw new InclavareError("ERR_COLLATERAL_FORMAT", `${what} is not percent-encoded`, { cause });
  }
  return toPemText(Buffer.from(pem, "latin1"), "CERTIFICATE", what);
}
