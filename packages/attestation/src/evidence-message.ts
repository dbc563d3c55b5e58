import { InclavareError } from "@inclavare/errors";
import { type CollateralBundle, parseCollateralBundle } from "@inclavare/sgx";
import { VerificationCache } from "./cache.ts";
import { decodeTaggedCbor, encodeCbor, evidenceAndClaims, tagEvidence } from "./cbor.ts";
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
const COMPANIONS: ReadonlySet<unknown> = new Set(["collateral", "endorsements"]);
const TDX_TEE_TYPE = 0x81;

/**
 * CBOR: `60000([quote, claims-buffer])` as in Interoperable RA-TLS (of an SEV-SNP report: tag 1733892, as in librats; of a
 * CCA token: 1733904, ours), and
 * where something comes with it the map `{"evidence": that, "collateral": bytes of the JSON bundle, "endorsements": bytes
 * of PEM}`, of which either may be missing. No claims: an empty byte string.
 */
export function encodeEvidenceMessage({ evidence, claims }: EvidenceMessage): Uint8Array {
  const { format, quote, collateral, endorsements } = evidence;
  const form = format === "snp-report" || format === "cca-token" ? format : "quote";
  const tagged = tagEvidence({ form, evidence: quote, claims: claims ?? NO_CLAIMS });
  const companions = new Map<string, unknown>();
  const encoder = new TextEncoder();
  if (collateral !== undefined) companions.set("collateral", encodeCollateral(collateral));
  if (endorsements !== undefined) companions.set("endorsements", encoder.encode(endorsements));
  return encodeCbor(companions.size === 0 ? tagged : companions.set("evidence", tagged));
}

/** A message is opened by whoever received it, and at once again by whoever verifies it. The bytes are a copy. */
let lastOpened: { readonly bytes: Uint8Array; readonly message: EvidenceMessage } | undefined;

/** @throws InclavareError ERR_EVIDENCE_FORMAT, and what `parseCollateralBundle` throws */
export function decodeEvidenceMessage(bytes: Uint8Array): EvidenceMessage {
  if (lastOpened !== undefined && Buffer.compare(lastOpened.bytes, bytes) === 0) return lastOpened.message;
  const copy = Uint8Array.from(bytes);
  const message = openMessage(copy);
  lastOpened = { bytes: copy, message };
  return message;
}

function openMessage(bytes: Uint8Array): EvidenceMessage {
  const options = { code: "ERR_EVIDENCE_FORMAT", what: "evidence message", limitBytes: LIMIT_BYTES } as const;
  const item = decodeTaggedCbor(bytes, options);
  const members: ReadonlyMap<unknown, unknown> = item instanceof Map ? item : new Map([["evidence", item]]);
  const parts = evidenceAndClaims(members.get("evidence"));
  const companions = [...members].filter(([name]) => name !== "evidence");
  const areKnown = companions.every(([name, value]) => COMPANIONS.has(name) && value instanceof Uint8Array);
  if (parts === undefined || !areKnown || (item instanceof Map && companions.length === 0)) {
    throw new InclavareError(
      "ERR_EVIDENCE_FORMAT",
      'evidence message is neither TAG([evidence, claims]) nor {"evidence": that, "collateral" or "endorsements": bytes}',
    );
  }
  const { evidence: quote, claims } = parts;
  const [collateral, endorsements] = [members.get("collateral"), members.get("endorsements")];
  const evidence = {
    format: parts.form === "quote" ? quoteFormat(quote) : parts.form,
    quote,
    ...(collateral instanceof Uint8Array ? { collateral: parseCollateral(collateral) } : {}),
    ...(endorsements instanceof Uint8Array ? { endorsements: Buffer.from(endorsements).toString("latin1") } : {}),
  } as const;
  return claims.length === 0 ? { evidence } : { evidence, claims };
}

/** By the TEE type in the header. */
function quoteFormat(quote: Uint8Array): "sgx-quote" | "tdx-quote" {
  return quote[4] === TDX_TEE_TYPE ? "tdx-quote" : "sgx-quote";
}

/** An attester adds the same bundle to every proof. */
const encodedBundles = new WeakMap<CollateralBundle, Uint8Array>();

function encodeCollateral(collateral: CollateralBundle): Uint8Array {
  const known = encodedBundles.get(collateral);
  if (known !== undefined) return known;
  const bytes = new TextEncoder().encode(JSON.stringify(collateral));
  encodedBundles.set(collateral, bytes);
  return bytes;
}

/** By exact bytes: what is kept is only how a text reads, never whether it is true. */
const parsedBundles = new VerificationCache(8);

function parseCollateral(bytes: Uint8Array): CollateralBundle {
  return parsedBundles.remember("bundle", [Buffer.from(bytes).toString("latin1")], () => parseBundle(bytes));
}

function parseBundle(bytes: Uint8Array): CollateralBundle {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new InclavareError("ERR_EVIDENCE_FORMAT", "collateral in the evidence message is not JSON", { cause });
  }
  return parseCollateralBundle(json, "collateral in the evidence message");
}
