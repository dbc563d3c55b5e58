import type { JsonValue } from "@inclavare/errors";
import type { Claims } from "./claims.ts";
import type { Examination } from "./examination.ts";

/** The `claims` member of a verdict: the evidence's own fields, and the claims buffer under its names. */
export function describeEvidence(
  examination: Pick<Examination, "claims">,
  claims: Claims | undefined,
): Readonly<Record<string, JsonValue>> {
  const fields = examination.claims();
  return claims === undefined ? fields : { ...fields, claims: describeClaims(claims) };
}

function describeClaims(claims: Claims): Readonly<Record<string, JsonValue>> {
  const { pubkeyHash, others = new Map<string, Uint8Array>() } = claims;
  const entries: readonly (readonly [string, Uint8Array | string | undefined])[] = [
    ["pubkey-hash", `${pubkeyHash.algorithm}:${Buffer.from(pubkeyHash.value).toString("hex")}`],
    ["nonce", claims.nonce],
    ["purpose", claims.purpose],
    ["role", claims.role],
    ["exporter", claims.exporter],
    ["own-leaf", claims.ownLeaf],
    ["peer-leaf", claims.peerLeaf],
    ["workload", claims.workload],
    ["application", claims.application],
    ...others,
  ];
  return Object.fromEntries(
    entries.flatMap(([name, value]) => {
      if (value === undefined) return [];
      return [[name, typeof value === "string" ? value : Buffer.from(value).toString("hex")]];
    }),
  );
}
