/**
 * TCB status, its merging and what it says.
 * @see Intel SGX and TDX DCAP Quote Verification Library, TCB status merging; Intel PCS API v4, tcbStatus.
 */

/** The statuses that a verified platform can have. */
export const TCB_STATUSES = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
  "TDRelaunchAdvised",
  "TDRelaunchAdvisedConfigurationNeeded",
  "Revoked",
] as const;

export type TcbStatus = (typeof TCB_STATUSES)[number];

/** The statuses that a level of a TCB Info document can have. */
export const PLATFORM_STATUSES = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
  "Revoked",
] as const satisfies readonly TcbStatus[];

export type PlatformStatus = (typeof PLATFORM_STATUSES)[number];

/** The statuses that a level of an enclave identity, or of a TDX module identity, can have. */
export const ENCLAVE_STATUSES = ["UpToDate", "OutOfDate", "Revoked"] as const satisfies readonly TcbStatus[];

export type EnclaveStatus = (typeof ENCLAVE_STATUSES)[number];

/**
 * Merges the status of a part (quoting enclave, TDX module) into that of the platform. Not simply the worse of the two:
 * that would lose what the platform's configuration leaves open.
 */
export function mergeTcbStatus(platform: PlatformStatus, part: EnclaveStatus): PlatformStatus {
  if (platform === "Revoked" || part === "Revoked") return "Revoked";
  return part === "UpToDate" ? platform : OUT_OF_DATE[platform];
}

const OUT_OF_DATE: Readonly<Record<PlatformStatus, PlatformStatus>> = {
  UpToDate: "OutOfDate",
  SWHardeningNeeded: "OutOfDate",
  ConfigurationNeeded: "OutOfDateConfigurationNeeded",
  ConfigurationAndSWHardeningNeeded: "OutOfDateConfigurationNeeded",
  OutOfDate: "OutOfDate",
  OutOfDateConfigurationNeeded: "OutOfDateConfigurationNeeded",
  Revoked: "Revoked",
};
