/** What a reference value may name, for each TEE, and how each member is compared with the measurement. */
import type { ErrorCode } from "@inclavare/errors";
import type { MeasurementVerdict } from "./measurement.ts";

export interface ReferenceField {
  /** Name of the check. */
  readonly check: string;
  /** As the TEE's specification calls it. */
  readonly what: string;
  readonly code: ErrorCode;
  /** Member of the measurement. */
  readonly of: string;
  /** Hexadecimal of a size, a number, a hash of any size (32, 48 or 64 bytes), or a list of such hashes. */
  readonly value:
    | { readonly hexBytes: number }
    | { readonly most: number }
    | { readonly hash: true }
    | { readonly hashes: number };
  /** Left out: equal. `each-byte`: every byte of it by itself, as security versions side by side are. */
  readonly least?: "number" | "each-byte";
  /** A reference must have at least one member that tells one piece of software from another. */
  readonly identifies?: true;
}

const MOST_COMPONENTS = 64;

type FieldOptions = Partial<Pick<ReferenceField, "code" | "identifies" | "of">>;

function hash(check: string, what: string, sizeBytes: number, options: FieldOptions = {}): Omit<ReferenceField, "of"> {
  return { check, what, code: "ERR_POLICY_MEASUREMENT", value: { hexBytes: sizeBytes }, ...options };
}

function anyHash(check: string, what: string) {
  return { check, what, code: "ERR_POLICY_MEASUREMENT", value: { hash: true } } as const;
}

function hashes(check: string, what: string) {
  return { check, what, code: "ERR_POLICY_MEASUREMENT", value: { hashes: MOST_COMPONENTS } } as const;
}

const SGX = {
  mrEnclave: { ...hash("measurement", "MRENCLAVE", 32, { identifies: true }), of: "mrEnclave" },
  mrSigner: { ...hash("signer", "MRSIGNER", 32, { identifies: true, code: "ERR_POLICY_SIGNER" }), of: "mrSigner" },
  isvProdId: {
    check: "product",
    what: "ISVPRODID",
    code: "ERR_POLICY_PRODUCT",
    of: "isvProdId",
    value: { most: 0xffff },
  },
  minIsvSvn: {
    check: "version",
    what: "ISVSVN",
    code: "ERR_POLICY_VERSION",
    of: "isvSvn",
    value: { most: 0xffff },
    least: "number",
  },
} as const satisfies Readonly<Record<string, ReferenceField>>;

const TDX = {
  mrTd: { ...hash("measurement", "MRTD", 48, { identifies: true }), of: "mrTd" },
  rtmr0: { ...hash("rtmr0", "RTMR0", 48), of: "rtmr0" },
  rtmr1: { ...hash("rtmr1", "RTMR1", 48, { identifies: true }), of: "rtmr1" },
  rtmr2: { ...hash("rtmr2", "RTMR2", 48, { identifies: true }), of: "rtmr2" },
  rtmr3: { ...hash("rtmr3", "RTMR3", 48, { identifies: true }), of: "rtmr3" },
  mrConfigId: { ...hash("config-id", "MRCONFIGID", 48), of: "mrConfigId" },
  mrOwner: { ...hash("owner", "MROWNER", 48, { code: "ERR_POLICY_SIGNER" }), of: "mrOwner" },
  mrOwnerConfig: { ...hash("owner-config", "MROWNERCONFIG", 48), of: "mrOwnerConfig" },
  mrSeam: { ...hash("seam", "MRSEAM", 48), of: "mrSeam" },
  xfam: { ...hash("xfam", "XFAM", 8), of: "xfam" },
  tdAttributes: { ...hash("attributes", "TDATTRIBUTES", 8), of: "tdAttributes" },
  minTeeTcbSvn: {
    check: "version",
    what: "TEE_TCB_SVN",
    code: "ERR_POLICY_VERSION",
    of: "teeTcbSvn",
    value: { hexBytes: 16 },
    least: "each-byte",
  },
} as const satisfies Readonly<Record<string, ReferenceField>>;

const SNP = {
  measurement: { ...hash("measurement", "MEASUREMENT", 48, { identifies: true }), of: "measurement" },
  hostData: { ...hash("host-data", "HOST_DATA", 32), of: "hostData" },
  idKeyDigest: {
    ...hash("signer", "ID_KEY_DIGEST", 48, { identifies: true, code: "ERR_POLICY_SIGNER" }),
    of: "idKeyDigest",
  },
  authorKeyDigest: {
    ...hash("author", "AUTHOR_KEY_DIGEST", 48, { identifies: true, code: "ERR_POLICY_SIGNER" }),
    of: "authorKeyDigest",
  },
  familyId: { ...hash("family", "FAMILY_ID", 16, { code: "ERR_POLICY_PRODUCT" }), of: "familyId" },
  imageId: { ...hash("image", "IMAGE_ID", 16, { code: "ERR_POLICY_PRODUCT" }), of: "imageId" },
  minGuestSvn: {
    check: "version",
    what: "GUEST_SVN",
    code: "ERR_POLICY_VERSION",
    of: "guestSvn",
    value: { most: 0xffff_ffff },
    least: "number",
  },
  chipId: { ...hash("platform", "CHIP_ID", 64, { code: "ERR_POLICY_PLATFORM" }), of: "chipId" },
} as const satisfies Readonly<Record<string, ReferenceField>>;

const ARM_PLATFORM = {
  implementationId: {
    ...hash("implementation", "implementation id", 32, { code: "ERR_POLICY_PRODUCT" }),
    of: "implementationId",
  },
  instanceId: { ...hash("platform", "instance id", 33, { code: "ERR_POLICY_PLATFORM" }), of: "instanceId" },
} as const;

const CCA = {
  rim: { ...anyHash("measurement", "the realm initial measurement"), of: "rim", identifies: true },
  rem0: { ...anyHash("rem0", "REM0"), of: "rem0" },
  rem1: { ...anyHash("rem1", "REM1"), of: "rem1" },
  rem2: { ...anyHash("rem2", "REM2"), of: "rem2" },
  rem3: { ...anyHash("rem3", "REM3"), of: "rem3" },
  personalizationValue: { ...hash("personalization", "the personalization value", 64), of: "personalizationValue" },
  softwareMeasurements: { ...hashes("firmware", "the platform's firmware"), of: "softwareMeasurements" },
  ...ARM_PLATFORM,
} as const satisfies Readonly<Record<string, ReferenceField>>;

const PSA = {
  softwareMeasurements: {
    ...hashes("measurement", "the device's firmware"),
    of: "softwareMeasurements",
    identifies: true,
  },
  signerIds: { ...hashes("signer", "who signed the firmware"), of: "signerIds", code: "ERR_POLICY_SIGNER" },
  ...ARM_PLATFORM,
} as const satisfies Readonly<Record<string, ReferenceField>>;

const NITRO = {
  pcr0: { ...hash("measurement", "PCR0", 48, { identifies: true }), of: "pcr0" },
  pcr1: { ...hash("pcr1", "PCR1", 48, { identifies: true }), of: "pcr1" },
  pcr2: { ...hash("pcr2", "PCR2", 48, { identifies: true }), of: "pcr2" },
  pcr3: { ...hash("pcr3", "PCR3", 48), of: "pcr3" },
  pcr4: { ...hash("pcr4", "PCR4", 48), of: "pcr4" },
  pcr8: { ...hash("signer", "PCR8", 48, { identifies: true, code: "ERR_POLICY_SIGNER" }), of: "pcr8" },
  pcr16: { ...hash("pcr16", "PCR16", 48), of: "pcr16" },
} as const satisfies Readonly<Record<string, ReferenceField>>;

export const REFERENCE_FIELDS = { sgx: SGX, tdx: TDX, "sev-snp": SNP, cca: CCA, psa: PSA, nitro: NITRO } as const;

export type ReferenceTee = keyof typeof REFERENCE_FIELDS;

/** The fields of one TEE, by the names that a reference uses. */
export function fieldsOf(tee: MeasurementVerdict["tee"]): Readonly<Record<string, ReferenceField>> {
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
    return named.every((name) => name in fields) && named.some((name) => fields[name]?.identifies === true);
  });
}
