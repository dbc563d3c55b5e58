/** The TCB of a TDX platform. @see Intel SGX and TDX DCAP Quote Verification Library, TDX TCB and TD relaunch */
import { day, type DcapRules, type ModuleFinding, type PlatformFinding } from "../dcap/rules.ts";
import { type PlatformTcb, selectPlatformLevel, shortfall } from "../dcap/tcb-level.ts";
import type { TcbInfo } from "../dcap/tcb-info.ts";
import { mergeTcbStatus, type PlatformStatus } from "../dcap/tcb-status.ts";
import type { TdReport } from "./decode.ts";
import { examineModule, findModuleIdentity, moduleVersion } from "./module.ts";

/** Bytes of TEE_TCB_SVN that a module with an identity of its own is judged by, instead of the platform's levels. */
const MODULE_COMPONENTS = 2;
const LOADER_COMPONENT = 2;
/** What the platform's SGX part may be for a relaunch to help. */
const CURRENT: ReadonlySet<PlatformStatus> = new Set([
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
]);
const CONFIGURATION: ReadonlySet<PlatformStatus> = new Set([
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDateConfigurationNeeded",
]);

/** The rules for one TD. */
export function tdxRules(report: TdReport): DcapRules {
  return {
    tee: "TDX",
    identity: "TD_QE",
    module(tcbInfo) {
      const value = examineModule(report, tcbInfo);
      const status = value.level === undefined ? "" : `, ${value.level.status}`;
      return { value, message: `genuine TDX module ${value.version}.${value.isvSvn}${status}` };
    },
    platform: (sgx, tcbInfo, module) => examinePlatform(report, { sgx, tcbInfo, module }),
  };
}

interface Platform {
  readonly sgx: PlatformTcb;
  readonly tcbInfo: TcbInfo;
  readonly module: ModuleFinding | undefined;
}

function examinePlatform(report: TdReport, { sgx, tcbInfo, module }: Platform): PlatformFinding {
  const { level } = module ?? {};
  const tdxComponents = [...report.teeTcbSvn].map((svn, index) => {
    return level !== undefined && index < MODULE_COMPONENTS ? undefined : svn;
  });
  const platform = { ...sgx, tdxComponents };
  const { status: own, advisories, tcbDate } = selectPlatformLevel(platform, tcbInfo);
  const status = level === undefined ? own : mergeTcbStatus(own, level.status);
  const sgxStatus = selectPlatformLevel(sgx, tcbInfo).status;
  const isOutOfDate = status === "OutOfDate" || status === "OutOfDateConfigurationNeeded";
  const canRelaunch =
    CURRENT.has(sgxStatus) && isOutOfDate && level?.status === "OutOfDate" && isLoadedModuleCurrent(report, tcbInfo);
  const hasConfiguration = CONFIGURATION.has(sgxStatus) || CONFIGURATION.has(status);
  const [newest] = tcbInfo.levels;
  const behind = newest === undefined ? undefined : shortfall(platform, newest);
  return {
    status,
    advisories: [...advisories, ...(level?.advisories ?? [])],
    notes: [
      `platform ${own} (level of ${day(tcbDate)})`,
      ...(level === undefined ? [] : [`TDX module ${level.status} (level of ${day(level.tcbDate)})`]),
      ...(behind === undefined ? [] : [`to the newest level: ${behind}`]),
      ...(canRelaunch ? ["the module that is loaded now is current, the TD was launched under an older one"] : []),
    ],
    ...(canRelaunch
      ? { relaunch: hasConfiguration ? "TDRelaunchAdvisedConfigurationNeeded" : "TDRelaunchAdvised" }
      : {}),
  };
}

/** Whether the module that is loaded now would be at the newest level, so that launching the TD anew would help. */
function isLoadedModuleCurrent({ teeTcbSvn2 }: TdReport, tcbInfo: TcbInfo): boolean {
  const newest = tcbInfo.levels[0]?.tdxComponents;
  if (teeTcbSvn2 === undefined || newest === undefined) return false;
  const { version, isvSvn } = moduleVersion(teeTcbSvn2);
  const needed = version === 0 ? newest[0] : findModuleIdentity(version, tcbInfo)?.levels[0]?.isvSvn;
  const loader = teeTcbSvn2[LOADER_COMPONENT] ?? -1;
  return needed !== undefined && isvSvn >= needed && loader >= (newest[LOADER_COMPONENT] ?? Infinity);
}
