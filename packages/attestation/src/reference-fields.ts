/** What a reference value may name, for each TEE, and how each member is compared with the measurement. */
import type { ErrorCode } from "@inclavare/errors";
import type { MeasurementVerdict } from "./measurement.ts";

export interface ReferenceField<V extends FieldValue = FieldValue> {
  /** Name of the check. */
  readonly check: string;
  /** As the TEE's specification calls it. */
  readonly what: string;
  readonly code: ErrorCode;
  readonly value: V;
  /** Member of the measurement; left out: the one of the same name. */
  readonly of?: string;
  /** Left out: equal. `each-byte`: every byte of it by itself, as security versions side by side are. */
  readonly least?: "number" | "each-byte";
  /** A reference must have at least one member that tells one piece of software from another. */
  readonly identifies?: true;
}

/** Hexadecimal of a size, a number, a hash of any size (32, 48 or 64 bytes), or a list of such hashes. */
type FieldValue =
  | { readonly hexBytes: number }
  | { readonly most: number }
  | { readonly hash: true }
  | { readonly hashes: number };
type Fields = Readonly<Record<string, ReferenceField>>;
type Options = Partial<Pick<ReferenceField, "code" | "identifies" | "of" | "least">>;

const MOST_COMPONENTS = 64;
const IDENTIFIES = { identifies: true } as const;
const SIGNER = { code: "ERR_POLICY_SIGNER" } as const;
const PRODUCT = { code: "ERR_POLICY_PRODUCT" } as const;
const PLATFORM = { code: "ERR_POLICY_PLATFORM" } as const;

function field<V extends FieldValue>(check: string, what: string, value: V, options: Options = {}): ReferenceField<V> {
  return { check, what, code: "ERR_POLICY_MEASUREMENT", value, ...options };
}

/** A version that must be reached. */
function least(
  what: string,
  of: string,
  most: number,
  check: string = "version",
): ReferenceField<{ readonly most: number }> {
  return field(check, what, { most }, { code: "ERR_POLICY_VERSION", of, least: "number" });
}

const HASH = { hash: true } as const;
const HASHES = { hashes: MOST_COMPONENTS } as const;
const BYTES_8 = { hexBytes: 8 } as const;
const BYTES_16 = { hexBytes: 16 } as const;
const BYTES_32 = { hexBytes: 32 } as const;
const BYTES_48 = { hexBytes: 48 } as const;
const BYTES_64 = { hexBytes: 64 } as const;

const SGX = {
  mrEnclave: field("measurement", "MRENCLAVE", BYTES_32, IDENTIFIES),
  mrSigner: field("signer", "MRSIGNER", BYTES_32, { ...IDENTIFIES, ...SIGNER }),
  isvProdId: field("product", "ISVPRODID", { most: 0xffff }, PRODUCT),
  minIsvSvn: least("ISVSVN", "isvSvn", 0xffff),
  configId: field("config-id", "CONFIGID", BYTES_64),
  minConfigSvn: least("CONFIGSVN", "configSvn", 0xffff, "config-version"),
  isvExtProdId: field("extended-product", "ISVEXTPRODID", BYTES_16, PRODUCT),
  isvFamilyId: field("family", "ISVFAMILYID", BYTES_16, PRODUCT),
} as const satisfies Fields;

const TDX = {
  mrTd: field("measurement", "MRTD", BYTES_48, IDENTIFIES),
  rtmr0: field("rtmr0", "RTMR0", BYTES_48),
  rtmr1: field("rtmr1", "RTMR1", BYTES_48, IDENTIFIES),
  rtmr2: field("rtmr2", "RTMR2", BYTES_48, IDENTIFIES),
  rtmr3: field("rtmr3", "RTMR3", BYTES_48, IDENTIFIES),
  mrConfigId: field("config-id", "MRCONFIGID", BYTES_48),
  mrOwner: field("owner", "MROWNER", BYTES_48, SIGNER),
  mrOwnerConfig: field("owner-config", "MROWNERCONFIG", BYTES_48),
  mrSeam: field("seam", "MRSEAM", BYTES_48),
  xfam: field("xfam", "XFAM", BYTES_8),
  tdAttributes: field("attributes", "TDATTRIBUTES", BYTES_8),
  minTeeTcbSvn: field("version", "TEE_TCB_SVN", BYTES_16, {
    code: "ERR_POLICY_VERSION",
    of: "teeTcbSvn",
    least: "each-byte",
  }),
} as const satisfies Fields;

const SNP = {
  measurement: field("measurement", "MEASUREMENT", BYTES_48, IDENTIFIES),
  hostData: field("host-data", "HOST_DATA", BYTES_32),
  idKeyDigest: field("signer", "ID_KEY_DIGEST", BYTES_48, { ...IDENTIFIES, ...SIGNER }),
  authorKeyDigest: field("author", "AUTHOR_KEY_DIGEST", BYTES_48, { ...IDENTIFIES, ...SIGNER }),
  familyId: field("family", "FAMILY_ID", BYTES_16, PRODUCT),
  imageId: field("image", "IMAGE_ID", BYTES_16, PRODUCT),
  minGuestSvn: least("GUEST_SVN", "guestSvn", 0xffff_ffff),
  chipId: field("platform", "CHIP_ID", BYTES_64, PLATFORM),
} as const satisfies Fields;

const ARM_PLATFORM = {
  implementationId: field("implementation", "implementation id", BYTES_32, PRODUCT),
  instanceId: field("platform", "instance id", { hexBytes: 33 }, PLATFORM),
} as const satisfies Fields;

const CCA = {
  rim: field("measurement", "the realm initial measurement", HASH, IDENTIFIES),
  rem0: field("rem0", "REM0", HASH),
  rem1: field("rem1", "REM1", HASH),
  rem2: field("rem2", "REM2", HASH),
  rem3: field("rem3", "REM3", HASH),
  personalizationValue: field("personalization", "the personalization value", BYTES_64),
  softwareMeasurements: field("firmware", "the platform's firmware", HASHES),
  ...ARM_PLATFORM,
} as const satisfies Fields;

const PSA = {
  softwareMeasurements: field("measurement", "the device's firmware", HASHES, IDENTIFIES),
  signerIds: field("signer", "who signed the firmware", HASHES, SIGNER),
  ...ARM_PLATFORM,
} as const satisfies Fields;

const NITRO = {
  pcr0: field("measurement", "PCR0", BYTES_48, IDENTIFIES),
  pcr1: field("pcr1", "PCR1", BYTES_48, IDENTIFIES),
  pcr2: field("pcr2", "PCR2", BYTES_48, IDENTIFIES),
  pcr3: field("pcr3", "PCR3", BYTES_48),
  pcr4: field("pcr4", "PCR4", BYTES_48),
  pcr8: field("signer", "PCR8", BYTES_48, { ...IDENTIFIES, ...SIGNER }),
  pcr16: field("pcr16", "PCR16", BYTES_48),
} as const satisfies Fields;

export const REFERENCE_FIELDS = { sgx: SGX, tdx: TDX, "sev-snp": SNP, cca: CCA, psa: PSA, nitro: NITRO } as const;

export type ReferenceTee = keyof typeof REFERENCE_FIELDS;

/** The fields of one TEE, by the names that a reference uses. */
export function fieldsOf(tee: MeasurementVerdict["tee"]): Fields {
  return REFERENCE_FIELDS[tee];
}

/**
 * The TEE whose members a reference has. `undefined` where they are of several, and where none of them identifies
 * software: such a reference would match everything there is.
 */
export function teeOfReference(reference: object): ReferenceTee | undefined {
  const named = Object.keys(reference).filter((name) => name !== "source");
  return (Object.keys(REFERENCE_FIELDS) as ReferenceTee[]).find((tee) => {
    const fields = fieldsOf(tee);
    return (
      named.every((name) => Object.hasOwn(fields, name)) && named.some((name) => fields[name]?.identifies === true)
    );
  });
}
