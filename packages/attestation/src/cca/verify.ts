/** Verification of Arm CCA tokens. @see Arm RMM specification (DEN0137), attestation; draft-ffm-rats-cca-token */
import { type CheckList, failCheck } from "../check.ts";
import { lifecycleCondition } from "../cose/lifecycle.ts";
import { addPlatformSignature } from "../cose/platform-key.ts";
import { namedHash, verifySign1 } from "../cose/sign1.ts";
import { examinedNothing, type Examination } from "../examination.ts";
import type { TrustAnchor } from "../trust-anchors.ts";
import { describeCcaToken } from "./claims.ts";
import { type CcaToken, decodeCcaToken, measurementOfRealm } from "./decode.ts";

export interface CcaVerification {
  readonly token: Uint8Array;
  /** Public keys of platforms (CPAK); any of them may have signed. */
  readonly trustAnchors: readonly TrustAnchor[];
}

/** Runs the whole list of checks: the platform's signature, its word for the realm's key, the realm's signature. */
export function examineCcaToken({ token: bytes, trustAnchors }: CcaVerification, list: CheckList): Examination {
  const token = list.run("token-format", [], () => {
    const value = decodeCcaToken(bytes);
    return { value, message: `CCA token, platform profile ${value.platform.claims.profile}` };
  });
  if (token === undefined) return examinedNothing("cca");
  const { platform, realm } = token;
  const anchor = addPlatformSignature(list, platform.token, { what: "CCA platform token", trustAnchors });
  list.run("realm-key-binding", [], () => {
    assertRealmKey(token);
    return { value: true, message: "the platform vouches for the realm's key" };
  });
  list.run("realm-signature", [], () => {
    if (verifySign1(realm.token, realm.claims.publicKey)) {
      return { value: true, message: `the realm's key signed the realm token, ${realm.token.algorithm.name}` };
    }
    return failCheck("ERR_TOKEN_SIGNATURE", "the CCA realm token is not signed by the key that it carries");
  });
  return {
    tee: anchor?.class === "simulated" ? "simulated" : "cca",
    measurement: measurementOfRealm(token),
    tcb: null,
    reportData: realm.claims.challenge,
    periods: [],
    chains: [],
    platform: { ids: [Buffer.from(platform.claims.instanceId).toString("hex")] },
    boundKey: realm.claims.publicKey.export({ type: "spki", format: "der" }),
    conditions: [lifecycleCondition(platform.claims.lifecycle)],
    claims: () => describeCcaToken(token),
  };
}

function assertRealmKey({ platform, realm }: CcaToken): void {
  const { publicKeyBytes, publicKeyHashAlgorithm } = realm.claims;
  const expected = namedHash(publicKeyHashAlgorithm, publicKeyBytes);
  const actual = platform.claims.challenge;
  if (expected !== undefined && Buffer.compare(expected, actual) === 0) return;
  const hash =
    expected === undefined ? `a known hash, not "${publicKeyHashAlgorithm}"` : Buffer.from(expected).toString("hex");
  failCheck(
    "ERR_REALM_KEY",
    "the platform token is about another key than the realm's",
    hash,
    Buffer.from(actual).toString("hex"),
  );
}
