/** What a verifying command reads: files and words of its command line. */
import { readFileSync } from "node:fs";
import {
  type Allowance,
  ALLOWANCES,
  builtinTrustAnchors,
  endorsementToPem,
  type CollateralBundle,
  isAllowance,
  parseCollateralBundle,
  parsePolicy,
  type Policy,
  type TrustAnchor,
  trustAnchorsFromPem,
} from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import { toPem } from "@inclavare/x509";

const MOST_NONCE_BYTES = 64;

/** @throws InclavareError ERR_FILE_NOT_FOUND, ERR_FILE */
export function readBytes(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    throw new InclavareError(
      isMissing ? "ERR_FILE_NOT_FOUND" : "ERR_FILE",
      isMissing ? `${file} does not exist` : `cannot read ${file}`,
      { cause: error },
    );
  }
}

/** The built-in anchors, or those of the files in their place. */
export function readTrustAnchors(files: readonly string[]): readonly TrustAnchor[] {
  if (files.length === 0) return builtinTrustAnchors();
  return files.flatMap((file) => [...trustAnchorsFromPem(toPemText(readBytes(file)), file)]);
}

/** Certificates and revocation lists as PEM text, one text for each file: PEM, DER, or a guest's certificate table. */
export function readEndorsements(files: readonly string[]): readonly string[] {
  return files.map((file) => endorsementToPem(readBytes(file), file));
}

/**
 * @returns nothing for a file of another kind of collateral.
 * @throws InclavareError ERR_COLLATERAL_FORMAT for what is no bundle, JSON or not
 */
export function readCollateral(file: string): CollateralBundle | undefined {
  const json = readJson(file);
  const isOther = typeof json === "object" && json !== null && "format" in json;
  return isOther ? undefined : parseCollateralBundle(json, file);
}

/** @throws InclavareError ERR_COLLATERAL_FORMAT */
export function readJson(file: string): unknown {
  const text = readText(file);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InclavareError("ERR_COLLATERAL_FORMAT", `${file} is not JSON`, { cause: error });
  }
}

export function readPolicy(file: string): Policy {
  return parsePolicy(readText(file), file);
}

/** @throws InclavareError ERR_USAGE */
export function parseAllowances(words: readonly string[]): Allowance[] {
  return words.map((word) => {
    if (isAllowance(word)) return word;
    throw new InclavareError("ERR_USAGE", `--allow is "${word}", expected one of ${ALLOWANCES.join(", ")}`);
  });
}

/** @throws InclavareError ERR_USAGE */
export function parseNonce(hex: string): Uint8Array {
  const isHex = /^(?:[0-9a-f]{2})+$/iu.test(hex);
  if (isHex && hex.length <= 2 * MOST_NONCE_BYTES) return Buffer.from(hex, "hex");
  throw new InclavareError("ERR_USAGE", `--nonce is "${hex}", expected 1 to ${MOST_NONCE_BYTES} bytes in hexadecimal`);
}

/** ISO 8601 with a time zone: a verification must not depend on where it runs. @throws InclavareError ERR_USAGE */
export function parseTime(text: string): Date {
  const time = new Date(text);
  const isIso = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/u.test(text);
  if (isIso && !Number.isNaN(time.getTime())) return time;
  throw new InclavareError("ERR_USAGE", `--time is "${text}", expected ISO 8601, such as 2025-06-15T00:00:00Z`);
}

/** @throws InclavareError ERR_FILE_NOT_FOUND, ERR_FILE */
export function readText(file: string): string {
  return Buffer.from(readBytes(file)).toString("utf8");
}

/** A file of one DER certificate is taken as well. */
function toPemText(bytes: Uint8Array): string {
  return bytes[0] === 0x30 ? toPem(bytes, "CERTIFICATE") : Buffer.from(bytes).toString("latin1");
}
