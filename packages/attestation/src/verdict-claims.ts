/** What a verdict says of the evidence beside its checks. */
import type { JsonValue } from "@inclavare/errors";
import { type Claims, hashPublicKey } from "./claims.ts";
import type { Examination } from "./examination.ts";
import type { BoundKey } from "./verdict.ts";

/** The key that the claims name by its hash, or the one that evidence or certificate carries. */
export function boundKeyOf({ boundKey }: Examination, claims: Claims | undefined): BoundKey | null {
  const hash = claims?.pubkeyHash ?? (boundKey === undefined ? undefined : hashPublicKey(boundKey));
  if (hash === undefined) return null;
  const spki = boundKey === undefined ? {} : { spki: Buffer.from(boundKey).toString("hex") };
  return { hash: describeHash(hash), ...spki };
}

/** The first end of what the verification rests on. */
export function validUntilOf({ periods, chains }: Examination): string | null {
  const ends = [...periods, ...chains].map(({ notAfter }) => notAfter.getTime());
  return ends.length === 0 ? null : new Date(Math.min(...ends)).toISOString();
}

/** The `claims` member of a verdict: the evidence's own fields, and the claims buffer under its names. */
export function describeEvidence(
  examination: Pick<Examination, "claims">,
  claims: Claims | undefined,
): Readonly<Record<string, JsonValue>> {
  const fields = examination.claims();
  return claims === undefined ? fields : { ...fields, claims: describeClaims(claims) };
}

function describeHash({ algorithm, value }: Claims["pubkeyHash"]): string {
  return `${algorithm}:${Buffer.from(value).toString("hex")}`;
}

function describeClaims(claims: Claims): Readonly<Record<string, JsonValue>> {
  const { pubkeyHash, others = new Map<string, Uint8Array>() } = claims;
  const entries: readonly (readonly [string, Uint8Array | string | undefined])[] = [
    ["pubkey-hash", describeHash(pubkeyHash)],
    ["nonce", claims.nonce],
    ["purpose", claims.purpose],
    ["role", claims.role],
    ["exporter", claims.exporter],
    ["own-leaf", claims.ownLeaf],
    ["peer-leaf", claims.peerLeaf],
    ["workload", claims.workload],
    ["container", claims.container],
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
