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
  readonly value: { readonly hexBytes: number } | { readonly most: number };
  /** Left out: equal. `each-byte`: every byte of it by itself, as security versions side by side are. */
  readonly least?: "number" | "each-byte";
  /** A reference must have at least one member that tells one piece of software from another. */
  readonly identifies?: true;
}

type FieldOptions = Partial<Pick<ReferenceField, "code" | "identifies" | "of">>;

function hash(check: string, what: string, sizeBytes: number, options: FieldOptions = {}): Omit<ReferenceField, "of"> {
  return { check, what, code: "ERR_POLICY_MEASUREMENT", value: { hexBytes: sizeBytes }, ...options };
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

export const REFERENCE_FIELDS = { sgx: SGX, tdx: TDX, "sev-snp": SNP } as const;

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
