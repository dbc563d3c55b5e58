/** Verification of PSA attestation tokens. @see RFC 9783, section 7 */
import type { JsonValue } from "@inclavare/errors";
import type { CheckList } from "../check.ts";
import { describeComponents } from "../cose/describe.ts";
import { lifecycleCondition, lifecycleState } from "../cose/lifecycle.ts";
import { addPlatformSignature } from "../cose/platform-key.ts";
import { examinedNothing, type Examination } from "../examination.ts";
import type { TrustAnchor } from "../trust-anchors.ts";
import { decodePsaToken, measurementOfDevice, type PsaToken } from "./decode.ts";

export interface PsaVerification {
  readonly token: Uint8Array;
  /** Public keys of devices (IAK); any of them may have signed. */
  readonly trustAnchors: readonly TrustAnchor[];
}

/** Runs the whole list of checks. */
export function examinePsaToken({ token: bytes, trustAnchors }: PsaVerification, list: CheckList): Examination {
  const token = list.run("token-format", [], () => {
    const value = decodePsaToken(bytes);
    return { value, message: `PSA token, profile ${value.profile}` };
  });
  if (token === undefined) return examinedNothing("psa");
  const anchor = addPlatformSignature(list, token.token, { what: "PSA token", trustAnchors });
  return {
    tee: anchor?.class === "simulated" ? "simulated" : "psa",
    measurement: measurementOfDevice(token),
    tcb: null,
    reportData: token.nonce,
    periods: [],
    chains: [],
    platform: { ids: [hex(token.instanceId)] },
    conditions: [lifecycleCondition(token.lifecycle)],
    claims: () => describePsaToken(token),
  };
}

/** The claims under the names of RFC 9783. */
function describePsaToken(token: PsaToken): Readonly<Record<string, JsonValue>> {
  const { bootSeed, certificationReference, verificationService } = token;
  return {
    "eat-profile": token.profile,
    "psa-nonce": hex(token.nonce),
    "psa-instance-id": hex(token.instanceId),
    "psa-implementation-id": hex(token.implementationId),
    "psa-client-id": token.clientId,
    "psa-security-lifecycle": token.lifecycle,
    "psa-security-lifecycle state": lifecycleState(token.lifecycle),
    ...(bootSeed === undefined ? {} : { "psa-boot-seed": hex(bootSeed) }),
    ...(certificationReference === undefined ? {} : { "psa-certification-reference": certificationReference }),
    "psa-software-components": describeComponents(token.softwareComponents),
    ...(verificationService === undefined ? {} : { "psa-verification-service-indicator": verificationService }),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
