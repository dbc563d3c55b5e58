/** Decoding of PSA attestation tokens. @see RFC 9783, section 4 */
import { InclavareError } from "@inclavare/errors";
import { CheckFailure } from "../check.ts";
import { ClaimReader, type SoftwareComponent } from "../cose/claims.ts";
import { isDebugLifecycle } from "../cose/lifecycle.ts";
import { type CoseSign1, decodePayload, decodeSign1 } from "../cose/sign1.ts";
import type { PsaMeasurement } from "../measurement.ts";

/** Claim keys of the profile, and of the one before it, whose keys were private ones. */
const KEYS = {
  tfm: {
    profile: 265,
    clientId: 2394,
    lifecycle: 2395,
    implementationId: 2396,
    bootSeed: 2397,
    certificationReference: 2398,
    softwareComponents: 2399,
    noSoftwareMeasurements: undefined,
    nonce: 10,
    instanceId: 256,
    verificationService: 2400,
  },
  legacy: {
    profile: -75_000,
    clientId: -75_001,
    lifecycle: -75_002,
    implementationId: -75_003,
    bootSeed: -75_004,
    certificationReference: -75_005,
    softwareComponents: -75_006,
    noSoftwareMeasurements: -75_007,
    nonce: -75_008,
    instanceId: -75_009,
    verificationService: -75_010,
  },
} as const;
const PROFILES = {
  tfm: ["tag:psacertified.org,2023:psa#tfm", "http://arm.com/psa/2.0.0"],
  legacy: ["PSA_IOT_PROFILE_1", "tag:psacertified.org,2019:psa#legacy"],
} as const;
const CLIENT_IDS = { least: -0x8000_0000, most: 0x7fff_ffff };

export interface PsaToken {
  readonly token: CoseSign1;
  readonly profile: string;
  readonly nonce: Uint8Array;
  readonly instanceId: Uint8Array;
  readonly implementationId: Uint8Array;
  /** Negative: asked for from the non-secure side. */
  readonly clientId: number;
  readonly lifecycle: number;
  readonly bootSeed?: Uint8Array;
  readonly certificationReference?: string;
  readonly softwareComponents: readonly SoftwareComponent[];
  readonly verificationService?: string;
}

/** @throws InclavareError ERR_EVIDENCE_FORMAT; ERR_EVIDENCE_UNSUPPORTED for profiles and algorithms that are not known */
export function decodePsaToken(bytes: Uint8Array): PsaToken {
  const what = "PSA token";
  const token = decodeSign1(bytes, what);
  const reader = new ClaimReader(decodePayload(token, what), what);
  const kind = reader.has(KEYS.tfm.profile) ? "tfm" : "legacy";
  const keys = KEYS[kind];
  const profile = reader.text(keys.profile, "profile");
  if (!PROFILES[kind].some((known) => known === profile)) {
    throw new CheckFailure("ERR_EVIDENCE_UNSUPPORTED", "the PSA token is of a profile that is not known", {
      expected: Object.values(PROFILES).flat().join(" or "),
      actual: profile,
    });
  }
  const bootSeed = reader.optionalBytes(keys.bootSeed, "boot seed", { least: 8, most: 32 });
  const certificationReference = reader.optionalText(keys.certificationReference, "certification reference");
  const verificationService = reader.optionalText(keys.verificationService, "verification service");
  return {
    token,
    profile,
    nonce: reader.hash(keys.nonce, "nonce"),
    instanceId: reader.instanceId(keys.instanceId, "instance id"),
    implementationId: reader.bytes(keys.implementationId, "implementation id", [32]),
    clientId: reader.integer(keys.clientId, "client id", CLIENT_IDS),
    lifecycle: reader.integer(keys.lifecycle, "security lifecycle", { least: 0, most: 0xffff }),
    ...(bootSeed === undefined ? {} : { bootSeed }),
    ...(certificationReference === undefined ? {} : { certificationReference }),
    softwareComponents: readComponents(reader, keys),
    ...(verificationService === undefined ? {} : { verificationService }),
  };
}

/** The old profile says with a claim of its own that nothing was measured. */
function readComponents(reader: ClaimReader, keys: (typeof KEYS)[keyof typeof KEYS]): readonly SoftwareComponent[] {
  const { noSoftwareMeasurements, softwareComponents } = keys;
  if (noSoftwareMeasurements === undefined || !reader.has(noSoftwareMeasurements)) {
    return reader.softwareComponents(softwareComponents, "software component");
  }
  reader.integer(noSoftwareMeasurements, "no software measurements", { least: 1, most: 1 });
  if (!reader.has(softwareComponents)) return [];
  throw new InclavareError("ERR_EVIDENCE_FORMAT", "PSA token has software components, and says that it has none");
}

export function measurementOfDevice({
  softwareComponents,
  implementationId,
  instanceId,
  lifecycle,
}: PsaToken): PsaMeasurement {
  return {
    tee: "psa",
    softwareMeasurements: softwareComponents.map(({ measurementValue }) => hex(measurementValue)),
    signerIds: softwareComponents.map(({ signerId }) => hex(signerId)),
    implementationId: hex(implementationId),
    instanceId: hex(instanceId),
    debug: isDebugLifecycle(lifecycle),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
