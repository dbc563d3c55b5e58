/** Where SGX and TDX differ in what collateral says of them, and what they have in common in concluding. */
import type { Finding } from "../check.ts";
import type { DcapTcb } from "../verdict.ts";
import type { EnclaveLevel } from "./document.ts";
import type { QeIdentity } from "./qe-identity.ts";
import type { TcbInfo } from "./tcb-info.ts";
import type { PlatformTcb } from "./tcb-level.ts";
import { mergeTcbStatus, type PlatformStatus, type TcbStatus } from "./tcb-status.ts";

/** What the levels of TCB Info make of a platform, all of it but the quoting enclave. */
export interface PlatformFinding {
  readonly status: PlatformStatus;
  readonly advisories: readonly string[];
  /** What was found, and what is missing to the newest level; for people. */
  readonly notes: readonly string[];
  /** The status in place of the given one, where the quoting enclave is up to date. */
  readonly relaunch?: Extract<TcbStatus, "TDRelaunchAdvised" | "TDRelaunchAdvisedConfigurationNeeded">;
}

/** A genuine TDX module. Version 0 has no level of its own: the platform's levels judge it. */
export interface ModuleFinding {
  readonly version: number;
  readonly isvSvn: number;
  readonly level?: EnclaveLevel;
}

export interface DcapRules {
  /** As TCB Info names it. */
  readonly tee: "SGX" | "TDX";
  /** As QE Identity names the quoting enclave. */
  readonly identity: "QE" | "TD_QE";
  /** Left out: there is no module between platform and evidence. */
  readonly module?: (tcbInfo: TcbInfo) => Finding<ModuleFinding>;
  /** @throws CheckFailure ERR_TCB_NOT_SUPPORTED where the platform is below all levels */
  readonly platform: (tcb: PlatformTcb, tcbInfo: TcbInfo, module?: ModuleFinding) => PlatformFinding;
}

/** Merges the quoting enclave's level into what is known of the platform. */
export function concludeTcb(
  platform: PlatformFinding,
  enclave: EnclaveLevel,
  { tcbInfo, qeIdentity }: { readonly tcbInfo: TcbInfo; readonly qeIdentity: QeIdentity },
): Finding<DcapTcb> {
  const relaunch = enclave.status === "UpToDate" ? platform.relaunch : undefined;
  const status = relaunch ?? mergeTcbStatus(platform.status, enclave.status);
  const notes = [...platform.notes, `quoting enclave ${enclave.status} (level of ${day(enclave.tcbDate)})`];
  return {
    value: {
      status,
      advisories: [...new Set([...platform.advisories, ...enclave.advisories])],
      evaluationDataNumber: Math.min(tcbInfo.evaluationDataNumber, qeIdentity.evaluationDataNumber),
    },
    actual: status,
    message: notes.join("; "),
  };
}

/** For messages. */
export function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}
