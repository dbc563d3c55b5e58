/** Decoding of Arm CCA tokens. @see Arm RMM specification (DEN0137), attestation; draft-ffm-rats-cca-token */
import type { KeyObject } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { decodeCbor, untag } from "../cbor.ts";
import { CheckFailure } from "../check.ts";
import { ClaimReader, type SoftwareComponent } from "../cose/claims.ts";
import { type CoseSign1, decodePayload, decodePublicKey, decodeSign1 } from "../cose/sign1.ts";
import type { CcaMeasurement } from "../measurement.ts";
import { isDebugLifecycle } from "../cose/lifecycle.ts";

const CODE = "ERR_EVIDENCE_FORMAT";
/** An EAT collection, and its successor, whose entries say what they are. */
const TAGS = [399, 907] as const;
const PLATFORM_TOKEN = 44_234;
const REALM_TOKEN = 44_241;
const LIMIT_BYTES = 128 * 1024;
const EXTENSIBLE_MEASUREMENTS = 4;
const PLATFORM_PROFILES: ReadonlySet<string> = new Set([
  "http://arm.com/CCA-SSD/1.0.0",
  "tag:arm.com,2023:cca_platform#1.0.0",
]);
const REALM_PROFILE = "tag:arm.com,2023:realm#1.0.0";
const KEY_SIZES = { least: 65, most: 1024 };

export interface CcaPlatformClaims {
  readonly profile: string;
  /** The hash of the realm's key. */
  readonly challenge: Uint8Array;
  readonly implementationId: Uint8Array;
  readonly instanceId: Uint8Array;
  readonly config: Uint8Array;
  readonly lifecycle: number;
  readonly hashAlgorithm: string;
  readonly softwareComponents: readonly SoftwareComponent[];
  readonly verificationService?: string;
}

export interface CcaRealmClaims {
  /** Left out in tokens of the first profile. */
  readonly profile?: string;
  /** 64 bytes of the verifier's choice. */
  readonly challenge: Uint8Array;
  readonly personalizationValue: Uint8Array;
  readonly hashAlgorithm: string;
  /** As it is carried, which is what the platform hashes. */
  readonly publicKeyBytes: Uint8Array;
  readonly publicKey: KeyObject;
  readonly publicKeyHashAlgorithm: string;
  readonly initialMeasurement: Uint8Array;
  /** REM0 to REM3. */
  readonly extensibleMeasurements: readonly Uint8Array[];
}

export interface CcaToken {
  readonly platform: { readonly token: CoseSign1; readonly claims: CcaPlatformClaims };
  readonly realm: { readonly token: CoseSign1; readonly claims: CcaRealmClaims };
}

/** @throws InclavareError ERR_EVIDENCE_FORMAT; ERR_EVIDENCE_UNSUPPORTED for profiles and algorithms that are not known */
export function decodeCcaToken(bytes: Uint8Array): CcaToken {
  const item = decodeCbor(bytes, { code: CODE, what: "CCA token", limitBytes: LIMIT_BYTES, tags: TAGS, anyForm: true });
  const collection = TAGS.map((tag) => untag(item, tag)).find((content) => content !== undefined);
  if (!(collection instanceof Map) || collection.size !== 2) {
    throw new InclavareError(CODE, "CCA token is no collection of a platform token and a realm token");
  }
  const [platform, realm] = [
    decodeSign1(memberOf(collection, PLATFORM_TOKEN), "CCA platform token"),
    decodeSign1(memberOf(collection, REALM_TOKEN), "CCA realm token"),
  ];
  return {
    platform: { token: platform, claims: readPlatform(decodePayload(platform, "CCA platform token")) },
    realm: { token: realm, claims: readRealm(decodePayload(realm, "CCA realm token")) },
  };
}

/** Bytes, or, in the newer collection, a pair of their media type and them. */
function memberOf(collection: ReadonlyMap<unknown, unknown>, key: number): Uint8Array {
  const value = collection.get(key);
  if (value instanceof Uint8Array) return value;
  const [type, bytes, ...surplus] = Array.isArray(value) ? (value as readonly unknown[]) : [];
  const isPair = (typeof type === "string" || typeof type === "number") && surplus.length === 0;
  if (isPair && bytes instanceof Uint8Array) return bytes;
  throw new InclavareError(CODE, `CCA token has no token under key ${key}`);
}

function readPlatform(claims: ReadonlyMap<unknown, unknown>): CcaPlatformClaims {
  const reader = new ClaimReader(claims, "CCA platform token");
  const profile = reader.text(265, "profile");
  if (!PLATFORM_PROFILES.has(profile)) throw unknownProfile("platform", [...PLATFORM_PROFILES].join(" or "), profile);
  const verificationService = reader.optionalText(2400, "verification service");
  return {
    profile,
    challenge: reader.hash(10, "challenge"),
    implementationId: reader.bytes(2396, "implementation id", [32]),
    instanceId: reader.instanceId(256, "instance id"),
    config: reader.bytes(2401, "config", { least: 1, most: 4096 }),
    lifecycle: reader.integer(2395, "lifecycle", { least: 0, most: 0xffff }),
    hashAlgorithm: reader.text(2402, "hash algorithm"),
    softwareComponents: reader.softwareComponents(2399, "software component"),
    ...(verificationService === undefined ? {} : { verificationService }),
  };
}

function readRealm(claims: ReadonlyMap<unknown, unknown>): CcaRealmClaims {
  const reader = new ClaimReader(claims, "CCA realm token");
  const profile = reader.optionalText(265, "profile");
  if (profile !== undefined && profile !== REALM_PROFILE) throw unknownProfile("realm", REALM_PROFILE, profile);
  const publicKeyBytes = reader.bytes(44_237, "public key", KEY_SIZES);
  const measurements = reader.list(44_239, "extensible measurements", EXTENSIBLE_MEASUREMENTS);
  if (measurements.length !== EXTENSIBLE_MEASUREMENTS) {
    throw new InclavareError(CODE, `CCA realm token has ${measurements.length} extensible measurements, expected 4`);
  }
  const rems = new ClaimReader(new Map(measurements.entries()), "CCA realm token");
  return {
    ...(profile === undefined ? {} : { profile }),
    challenge: reader.bytes(10, "challenge", [64]),
    personalizationValue: reader.bytes(44_235, "personalization value", [64]),
    hashAlgorithm: reader.text(44_236, "hash algorithm"),
    publicKeyBytes,
    publicKey: decodePublicKey(publicKeyBytes, "public key of the CCA realm token"),
    publicKeyHashAlgorithm: reader.text(44_240, "hash algorithm of the public key"),
    initialMeasurement: reader.hash(44_238, "initial measurement"),
    extensibleMeasurements: measurements.map((_, index) => rems.hash(index, `extensible measurement ${index}`)),
  };
}

function unknownProfile(token: string, expected: string, actual: string): CheckFailure {
  return new CheckFailure("ERR_EVIDENCE_UNSUPPORTED", `the CCA ${token} token is of a profile that is not known`, {
    expected,
    actual,
  });
}

export function measurementOfRealm({ platform, realm }: CcaToken): CcaMeasurement {
  const { initialMeasurement, extensibleMeasurements, personalizationValue } = realm.claims;
  const [rem0 = "", rem1 = "", rem2 = "", rem3 = ""] = extensibleMeasurements.map(hex);
  const { implementationId, instanceId, lifecycle, softwareComponents } = platform.claims;
  return {
    tee: "cca",
    rim: hex(initialMeasurement),
    rem0,
    rem1,
    rem2,
    rem3,
    personalizationValue: hex(personalizationValue),
    implementationId: hex(implementationId),
    instanceId: hex(instanceId),
    softwareMeasurements: softwareComponents.map(({ measurementValue }) => hex(measurementValue)),
    debug: isDebugLifecycle(lifecycle),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
