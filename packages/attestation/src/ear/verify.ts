/** What a relying party does with a token. @see RFC 7519, section 7.2; RFC 8725; draft-fv-rats-ear */
import { timingSafeEqual } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import * as v from "valibot";
import { tierOf, type TrustTier, worstTier } from "./ar4si.ts";
import { type EarAppraisal, type EarClaims, earSchema } from "./claims.ts";
import type { VerificationKey } from "./jwk.ts";
import { decodeJws, verifyJws } from "./jws.ts";

export interface VerifyEarOptions {
  /** Keys of the verifiers that this relying party trusts; see `parseKeySet`. */
  readonly keys: readonly VerificationKey[];
  /** This relying party's own name. */
  readonly audience: string;
  readonly now: Date;
  /** Left out: any issuer whose key is trusted. */
  readonly issuer?: string;
  /** Left out: the token may be of an earlier challenge, or of none. */
  readonly nonce?: Uint8Array;
}

/** A token that is genuine, meant for this relying party, and of this time. */
export interface EarResult {
  /** The worst of all its appraisals. */
  readonly status: TrustTier;
  readonly claims: EarClaims;
}

/** How far the issuer's clock may be ahead. */
const CLOCK_SKEW_SECONDS = 30;

/**
 * Whether the status is good enough is left to the caller.
 * @throws InclavareError ERR_EAR_FORMAT, ERR_EAR_KEY, ERR_EAR_SIGNATURE, ERR_EAR_TIME, ERR_EAR_AUDIENCE, ERR_EAR_ISSUER,
 *   ERR_EAR_NONCE
 */
export function verifyEar(token: string, options: VerifyEarOptions): EarResult {
  const jws = decodeJws(token);
  verifyJws(jws, options.keys);
  const result = readEar(jws.payload);
  assertTime(result.claims, options.now);
  assertParties(result.claims, options);
  return result;
}

/**
 * Reads a token without verifying anything: for people to look at, never to rely on.
 * @throws InclavareError ERR_EAR_FORMAT
 */
export function decodeEar(token: string): EarResult {
  return readEar(decodeJws(token).payload);
}

function readEar(payload: unknown): EarResult {
  const parsed = v.safeParse(earSchema, payload);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new InclavareError("ERR_EAR_FORMAT", `claim ${v.getDotPath(issue) ?? "set"} of the token: ${issue.message}`);
  }
  const claims = parsed.output;
  for (const [name, appraisal] of Object.entries(claims.submods)) assertStatus(name, appraisal);
  return { status: worstTier(Object.values(claims.submods).map((appraisal) => appraisal["ear.status"])), claims };
}

/** A status that is better than its own vector has been made by somebody who does not keep the rules. */
function assertStatus(
  name: string,
  { "ear.status": status, "ear.trustworthiness-vector": vector = {} }: EarAppraisal,
): void {
  const worst = worstTier(Object.values(vector).map(tierOf));
  if (worstTier([worst, status]) === status) return;
  throw new InclavareError("ERR_EAR_FORMAT", `submodule ${name} has status ${status}, its vector is ${worst}`);
}

function assertTime({ iat, nbf, exp }: EarClaims, now: Date): void {
  const seconds = now.getTime() / 1000;
  const from = Math.max(iat, nbf);
  if (seconds < exp && seconds >= from - CLOCK_SKEW_SECONDS) return;
  const [begin, end] = [from, exp].map((date) => `${date} (${dateText(date)})`);
  throw new InclavareError(
    "ERR_EAR_TIME",
    `the token is valid from ${begin} until ${end}, and it is ${now.toISOString()}`,
  );
}

function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? "no date" : date.toISOString();
}

function assertParties(
  { aud, iss, eat_nonce: nonces }: EarClaims,
  { audience, issuer, nonce }: VerifyEarOptions,
): void {
  const audiences = [aud].flat();
  if (!audiences.includes(audience)) {
    throw new InclavareError("ERR_EAR_AUDIENCE", `the token is for "${audiences.join(", ")}", expected "${audience}"`);
  }
  if (issuer !== undefined && iss !== issuer) {
    throw new InclavareError("ERR_EAR_ISSUER", `the token is issued by "${iss}", expected "${issuer}"`);
  }
  if (nonce === undefined) return;
  const found = [nonces ?? []].flat();
  if (found.some((text) => isSame(Buffer.from(text, "base64url"), nonce))) return;
  const actual = found.length === 0 ? "none" : found.join(", ");
  const expected = Buffer.from(nonce).toString("base64url");
  throw new InclavareError("ERR_EAR_NONCE", `the token's nonce is ${actual}, expected ${expected}`);
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
