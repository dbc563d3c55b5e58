import { InclavareError } from "@inclavare/errors";
import { type CollateralBundle, parseCollateralBundle } from "@inclavare/sgx";
import { decodeCbor, encodeCbor, quoteAndClaims, tagQuoteAndClaims } from "./cbor.ts";
import type { Evidence } from "./evidence.ts";

/** Evidence with the claims buffer that it is bound to, as it crosses a connection or lies in a file. */
export interface EvidenceMessage {
  readonly evidence: Evidence;
  /** Exact bytes, whose hash is in the evidence. Left out: the evidence stands for itself. */
  readonly claims?: Uint8Array;
}

/** Room for the largest quote and, many times over, the collateral of one platform. */
const LIMIT_BYTES = 1 << 20;
const NO_CLAIMS = new Uint8Array(0);

/**
 * CBOR: `60000([quote, claims-buffer])` as in Interoperable RA-TLS, and where collateral comes with it the map
 * `{"evidence": 60000([quote, claims-buffer]), "collateral": bytes of the JSON bundle}`. No claims: an empty byte string.
 */
export function encodeEvidenceMessage({ evidence, claims }: EvidenceMessage): Uint8Array {
  const tagged = tagQuoteAndClaims(evidence.quote, claims ?? NO_CLAIMS);
  const { collateral } = evidence;
  if (collateral === undefined) return encodeCbor(tagged);
  const entries = { evidence: tagged, collateral: new TextEncoder().encode(JSON.stringify(collateral)) };
  return encodeCbor(new Map<string, unknown>(Object.entries(entries)));
}

/** @throws InclavareError ERR_EVIDENCE_FORMAT, and what `parseCollateralBundle` throws */
export function decodeEvidenceMessage(bytes: Uint8Array): EvidenceMessage {
  const what = "evidence message";
  const item = decodeCbor(bytes, { code: "ERR_EVIDENCE_FORMAT", what, limitBytes: LIMIT_BYTES });
  const isWrapped = item instanceof Map;
  const parts = quoteAndClaims(isWrapped ? item.get("evidence") : item);
  const collateral: unknown = isWrapped ? item.get("collateral") : undefined;
  if (parts === undefined || (isWrapped && (item.size !== 2 || !(collateral instanceof Uint8Array)))) {
    throw new InclavareError(
      "ERR_EVIDENCE_FORMAT",
      `${what} is neither 60000([quote, claims]) nor {"evidence": 60000([quote, claims]), "collateral": bytes}`,
    );
  }
  const [quote, claims] = parts;
  const bundle = collateral instanceof Uint8Array ? { collateral: parseCollateral(collateral) } : {};
  const evidence = { format: "sgx-quote", quote, ...bundle } as const;
  return claims.length === 0 ? { evidence } : { evidence, claims };
}

function parseCollateral(bytes: Uint8Array): CollateralBundle {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new InclavareError("ERR_EVIDENCE_FORMAT", "collateral in the evidence message is not JSON", { cause });
  }
  return parseCollateralBundle(json, "collateral in the evidence message");
}
