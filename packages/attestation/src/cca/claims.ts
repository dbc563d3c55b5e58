/** The claims of a CCA token under the names of draft-ffm-rats-cca-token. */
import type { JsonValue } from "@inclavare/errors";
import { describeComponents } from "../cose/describe.ts";
import { lifecycleState } from "../cose/lifecycle.ts";
import type { CcaToken } from "./decode.ts";

type Fields = Readonly<Record<string, JsonValue>>;

export function describeCcaToken({ platform, realm }: CcaToken): Fields {
  const { claims } = realm;
  return {
    ...(claims.profile === undefined ? {} : { "cca-realm-profile": claims.profile }),
    "cca-realm-challenge": hex(claims.challenge),
    "cca-realm-personalization-value": hex(claims.personalizationValue),
    "cca-realm-initial-measurement": hex(claims.initialMeasurement),
    "cca-realm-extensible-measurements": claims.extensibleMeasurements.map(hex),
    "cca-realm-hash-algo-id": claims.hashAlgorithm,
    "cca-realm-public-key": hex(claims.publicKeyBytes),
    "cca-realm-public-key-hash-algo-id": claims.publicKeyHashAlgorithm,
    ...describePlatform(platform.claims),
  };
}

function describePlatform(claims: CcaToken["platform"]["claims"]): Fields {
  return {
    "cca-platform-profile": claims.profile,
    "cca-platform-challenge": hex(claims.challenge),
    "cca-platform-implementation-id": hex(claims.implementationId),
    "cca-platform-instance-id": hex(claims.instanceId),
    "cca-platform-config": hex(claims.config),
    "cca-platform-lifecycle": claims.lifecycle,
    "cca-platform-lifecycle state": lifecycleState(claims.lifecycle),
    "cca-platform-hash-algo-id": claims.hashAlgorithm,
    "cca-platform-sw-components": describeComponents(claims.softwareComponents),
    ...(claims.verificationService === undefined
      ? {}
      : { "cca-platform-service-indicator": claims.verificationService }),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
