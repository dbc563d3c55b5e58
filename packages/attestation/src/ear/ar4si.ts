/** Trustworthiness claims, their values and tiers. @see draft-ietf-rats-ar4si, section 2.3 */

export const TRUST_CLAIMS = [
  "instance-identity",
  "configuration",
  "executables",
  "file-system",
  "hardware",
  "runtime-opaque",
  "storage-opaque",
  "sourced-data",
] as const;

export type TrustClaim = (typeof TRUST_CLAIMS)[number];
/** -128 to 127 for each claim. */
export type TrustVector = Readonly<Record<TrustClaim, number>>;

/** From good to bad; the order counts. */
export const TRUST_TIERS = ["none", "affirming", "warning", "contraindicated"] as const;
export type TrustTier = (typeof TRUST_TIERS)[number];

/** Values that mean the same in every claim. */
export const GENERIC = { malfunction: -1, noClaim: 0, unexpected: 1, cryptographicFailure: 99 } as const;

/** Values of single claims, by AR4SI's own words. */
export const AR4SI = {
  trustworthyInstance: 2,
  unrecognizedInstance: 97,
  approvedConfiguration: 2,
  unsafeConfiguration: 32,
  unsupportableConfiguration: 96,
  approvedRuntime: 2,
  approvedBoot: 3,
  unsafeExecutables: 32,
  unrecognizedExecutables: 33,
  genuineHardware: 2,
  unsafeHardware: 32,
  contraindicatedHardware: 96,
  unrecognizedHardware: 97,
  encryptedRuntime: 2,
  isolatedRuntime: 32,
  visibleRuntime: 96,
} as const;

/** The tier of one value. @param value -128 to 127 */
export function tierOf(value: number): TrustTier {
  if (value >= -1 && value <= 1) return "none";
  if (value >= -32 && value <= 31) return "affirming";
  return value >= -96 && value <= 95 ? "warning" : "contraindicated";
}

/** The worst of several tiers. */
export function worstTier(tiers: readonly TrustTier[]): TrustTier {
  return TRUST_TIERS[Math.max(0, ...tiers.map((tier) => TRUST_TIERS.indexOf(tier)))] ?? "contraindicated";
}
