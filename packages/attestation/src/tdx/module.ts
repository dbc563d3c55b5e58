/** The TDX module that measured the TD. @see Intel PCS API v4, TCB Info: tdxModule, tdxModuleIdentities */
import { CheckFailure } from "../check.ts";
import type { ModuleFinding } from "../dcap/rules.ts";
import { selectEnclaveLevel } from "../dcap/tcb-level.ts";
import type { TcbInfo, TdxModule, TdxModuleIdentity } from "../dcap/tcb-info.ts";
import type { TdReport } from "./decode.ts";

/**
 * Compares the module's signer and attributes with TCB Info, and selects its level.
 * @throws CheckFailure ERR_TDX_MODULE; ERR_TCB_NOT_SUPPORTED where the module is below all levels
 */
export function examineModule(report: TdReport, tcbInfo: TcbInfo): ModuleFinding {
  const { version, isvSvn } = moduleVersion(report.teeTcbSvn);
  if (version === 0) {
    const { tdxModule } = tcbInfo;
    if (tdxModule === undefined) throw unknownModule("tdxModule");
    assertModule(report, tdxModule);
    return { version, isvSvn };
  }
  const identity = findModuleIdentity(version, tcbInfo);
  if (identity === undefined) throw unknownModule(moduleId(version));
  assertModule(report, identity);
  return { version, isvSvn, level: selectEnclaveLevel(isvSvn, identity.levels, "the TDX module") };
}

/** The first two bytes of TEE_TCB_SVN. */
export function moduleVersion(teeTcbSvn: Uint8Array): { readonly version: number; readonly isvSvn: number } {
  const [isvSvn = 0, version = 0] = teeTcbSvn;
  return { version, isvSvn };
}

export function findModuleIdentity(version: number, { tdxModuleIdentities }: TcbInfo): TdxModuleIdentity | undefined {
  return tdxModuleIdentities.find(({ id }) => id === moduleId(version));
}

function moduleId(version: number): string {
  return `TDX_${version.toString(16).padStart(2, "0").toUpperCase()}`;
}

/** Production modules have no attributes; the mask is for the day when one has. */
function assertModule({ mrSignerSeam, seamAttributes }: TdReport, expected: TdxModule): void {
  compare("MRSIGNERSEAM", mrSignerSeam, expected.mrSigner);
  compare("SEAMATTRIBUTES", seamAttributes, new Uint8Array(8));
  const masked = seamAttributes.map((byte, index) => byte & (expected.attributesMask[index] ?? 0xff));
  compare("SEAMATTRIBUTES", masked, expected.attributes);
}

function compare(field: string, actual: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(actual, expected) === 0) return;
  throw new CheckFailure("ERR_TDX_MODULE", `${field} of the TD report is not that of a genuine TDX module`, {
    expected: Buffer.from(expected).toString("hex"),
    actual: Buffer.from(actual).toString("hex"),
  });
}

function unknownModule(id: string): CheckFailure {
  return new CheckFailure("ERR_TDX_MODULE", "TCB Info knows no TDX module of this version", {
    expected: "a module that TCB Info lists",
    actual: id,
  });
}
