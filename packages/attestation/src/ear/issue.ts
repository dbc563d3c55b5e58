/** A verdict as a signed token for relying parties. @see draft-fv-rats-ear; RFC 9711, EAT */
import { ERROR_CODES, InclavareError, type JsonValue } from "@inclavare/errors";
import type { Check } from "../check.ts";
import type { Policy } from "../policy.ts";
import type { BoundKey, Verdict } from "../verdict.ts";
import { EAR_PROFILE, NONCE_BYTES } from "./claims.ts";
import { jwkOfSpki, type SigningKey } from "./jwk.ts";
import { signJws } from "./jws.ts";
import { policyIdOf } from "./policy-id.ts";
import { trustStatusOf, trustVectorOf } from "./trust-vector.ts";

export interface IssueEarOptions {
  readonly key: SigningKey;
  /** Whom the token is for; nobody else takes it. */
  readonly audience: string;
  /** Left out: the key's thumbprint, as RFC 9278 writes it. */
  readonly issuer?: string;
  readonly now: Date;
  /** The token lives no longer than this, and no longer than what the verdict rests on. At least 1. */
  readonly maxAgeSeconds: number;
  /** The challenge, 8 to 64 bytes; carried where the verdict says that the evidence answers it. */
  readonly nonce?: Uint8Array;
  /** The policy that was applied, allowances included; named by its hash. Left out: none was. */
  readonly policy?: Policy;
  /** Name of the submodule; left out: `cpu0`. */
  readonly submodule?: string;
  /** Who appraised. */
  readonly verifier: { readonly build: string; readonly developer: string };
  /** The evidence itself, to carry along. */
  readonly rawEvidence?: Uint8Array;
}

const DEFAULT_SUBMODULE = "cpu0";
const MOST_NAME_CHARACTERS = 4096;

/**
 * Issues a token over any verdict, a refused one too: that is then what it says.
 * @throws InclavareError ERR_EAR_GROUNDS where the verdict is good and rests on collateral past its date;
 *   ERR_EAR_OPTIONS for an audience, issuer, nonce or age out of bounds
 */
export function issueEar(verdict: Verdict, options: IssueEarOptions): string {
  const { key, audience, issuer = issuerOf(key), now, nonce, verifier, submodule = DEFAULT_SUBMODULE } = options;
  for (const [what, name] of Object.entries({ audience, issuer, submodule })) assertName(what, name);
  const issuedAt = Math.floor(now.getTime() / 1000);
  const isTrue = verdict.measurement !== null && !verdict.checks.some(leavesDoubt);
  return signJws(
    {
      eat_profile: EAR_PROFILE,
      iss: issuer,
      aud: audience,
      iat: issuedAt,
      nbf: issuedAt,
      exp: expiryOf(verdict, options, issuedAt),
      ...describeNonce(verdict, nonce),
      "ear.verifier-id": { build: verifier.build, developer: verifier.developer },
      ...(options.rawEvidence === undefined ? {} : { "ear.raw-evidence": base64url(options.rawEvidence) }),
      // Only evidence that is true can speak for a key.
      ...(isTrue && verdict.boundKey !== null ? { cnf: confirmationOf(verdict.boundKey) } : {}),
      submods: { [submodule]: appraisalOf(verdict, options.policy, isTrue) },
    },
    key,
  );
}

function appraisalOf(verdict: Verdict, policy: Policy | undefined, isTrue: boolean): object {
  const vector = trustVectorOf(verdict);
  const { tee, tcb, measurement, claims, boundKey, checks } = verdict;
  const spki = isTrue ? boundKey?.spki : undefined;
  return {
    "ear.status": trustStatusOf(verdict, vector),
    "ear.trustworthiness-vector": vector,
    ...(policy === undefined ? {} : { "ear.appraisal-policy-id": policyIdOf(policy) }),
    // What nobody has signed is not repeated under a signature.
    ...(isTrue ? { "ear.veraison.annotated-evidence": { tee, tcb, measurement, claims } } : {}),
    "ear.veraison.policy-claims": { verdict: verdict.verdict, checks: checks.map(describeCheck) },
    ...(spki === undefined ? {} : { "ear.veraison.key-attestation": { akpub: base64url(Buffer.from(spki, "hex")) } }),
  };
}

/** Whole for what went wrong or was let pass; by name for the rest. */
function describeCheck(check: Check): JsonValue {
  if (check.result === "failed" || check.result === "allowed") return { ...check };
  return { check: check.check, result: check.result };
}

/** Never later than the verdict's grounds. A refusal needs no grounds to go on. */
function expiryOf({ verdict, validUntil }: Verdict, { maxAgeSeconds, now }: IssueEarOptions, issuedAt: number): number {
  if (!Number.isSafeInteger(maxAgeSeconds) || maxAgeSeconds < 1) {
    throw new InclavareError("ERR_EAR_OPTIONS", `maximum age is ${maxAgeSeconds}, expected whole seconds, at least 1`);
  }
  const latest = issuedAt + maxAgeSeconds;
  if (validUntil === null) return latest;
  const end = Math.floor(Date.parse(validUntil) / 1000);
  if (end > issuedAt) return Math.min(latest, end);
  if (verdict === "refused") return latest;
  throw new InclavareError(
    "ERR_EAR_GROUNDS",
    `the verdict rests on what was valid until ${validUntil} (now ${now.toISOString()}), and a token must not outlive it`,
  );
}

function describeNonce({ checks }: Verdict, nonce: Uint8Array | undefined): { readonly eat_nonce?: string } {
  if (nonce === undefined) return {};
  const { least, most } = NONCE_BYTES;
  if (nonce.length < least || nonce.length > most) {
    const message = `nonce has ${nonce.length} bytes, and a token carries ${least} to ${most}`;
    throw new InclavareError("ERR_EAR_OPTIONS", message);
  }
  const isAnswered = checks.some(({ check, result }) => check === "nonce" && result === "ok");
  return isAnswered ? { eat_nonce: base64url(nonce) } : {};
}

/** The key by the hash of its SubjectPublicKeyInfo (RFC 6920), and whole where it came along. @see RFC 7800, section 3 */
function confirmationOf({ hash, spki }: BoundKey): object {
  const [algorithm = "", hex = ""] = hash.split(":");
  const kid = `ni:///${algorithm};${base64url(Buffer.from(hex, "hex"))}`;
  const jwk = spki === undefined ? undefined : jwkOfSpki(Buffer.from(spki, "hex"));
  return { kid, ...(jwk === undefined ? {} : { jwk }) };
}

/** A policy refuses evidence that is true; any other failure leaves open whether it is. */
function leavesDoubt({ result, code }: Check): boolean {
  return result === "failed" && (code === undefined || ERROR_CODES[code].cause !== "policy");
}

function issuerOf({ jwk }: SigningKey): string {
  return `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${jwk.kid}`;
}

function assertName(what: string, name: string): void {
  if (name.length > 0 && name.length <= MOST_NAME_CHARACTERS) return;
  throw new InclavareError("ERR_EAR_OPTIONS", `${what} has ${name.length} characters, expected 1 to 4096`);
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
