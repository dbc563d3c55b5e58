/** The fields of an SEV-SNP report under the names of AMD 56860, and of its key under those of AMD 57230. */
import type { JsonValue } from "@inclavare/errors";
import type { SnpReport } from "./decode.ts";
import type { Vek } from "./vek.ts";

type Fields = Readonly<Record<string, JsonValue>>;

const POLICY_BITS: readonly (readonly [bigint, string])[] = [
  [16n, "SMT"],
  [18n, "MIGRATE_MA"],
  [19n, "DEBUG"],
  [20n, "SINGLE_SOCKET"],
  [21n, "CXL_ALLOW"],
  [22n, "MEM_AES_256_XTS"],
  [23n, "RAPL_DIS"],
  [24n, "CIPHERTEXT_HIDING_DRAM"],
  [25n, "PAGE_SWAP_DISABLE"],
];
const PLATFORM_BITS: readonly (readonly [bigint, string])[] = [
  [0n, "SMT_EN"],
  [1n, "TSME_EN"],
  [2n, "ECC_EN"],
  [3n, "RAPL_DIS"],
  [4n, "CIPHERTEXT_HIDING_DRAM_EN"],
  [5n, "ALIAS_CHECK_COMPLETE"],
  [7n, "TIO_EN"],
];

export function describeSnpReport(report: SnpReport, vek: Vek | undefined): Fields {
  const { cpuid, mitigations } = report;
  return {
    VERSION: report.version,
    GUEST_SVN: report.guestSvn,
    POLICY: word(report.policy),
    "POLICY set": names(report.policy, POLICY_BITS),
    FAMILY_ID: hex(report.familyId),
    IMAGE_ID: hex(report.imageId),
    VMPL: report.vmpl,
    CURRENT_TCB: hex(report.currentTcb),
    PLATFORM_INFO: word(report.platformInfo),
    "PLATFORM_INFO set": names(report.platformInfo, PLATFORM_BITS),
    AUTHOR_KEY_EN: report.authorKeyEnabled,
    MASK_CHIP_KEY: report.maskChipKey,
    SIGNING_KEY: report.signingKey,
    REPORT_DATA: hex(report.reportData),
    MEASUREMENT: hex(report.measurement),
    HOST_DATA: hex(report.hostData),
    ID_KEY_DIGEST: hex(report.idKeyDigest),
    AUTHOR_KEY_DIGEST: hex(report.authorKeyDigest),
    REPORT_ID: hex(report.reportId),
    REPORT_ID_MA: hex(report.reportIdMa),
    REPORTED_TCB: hex(report.reportedTcb),
    ...(cpuid === undefined
      ? {}
      : { CPUID_FAM_ID: cpuid.family, CPUID_MOD_ID: cpuid.model, CPUID_STEP: cpuid.stepping }),
    CHIP_ID: hex(report.chipId),
    COMMITTED_TCB: hex(report.committedTcb),
    CURRENT_VERSION: report.currentVersion,
    COMMITTED_VERSION: report.committedVersion,
    LAUNCH_TCB: hex(report.launchTcb),
    ...(mitigations === undefined
      ? {}
      : { LAUNCH_MIT_VECTOR: word(mitigations.launch), CURRENT_MIT_VECTOR: word(mitigations.current) }),
    ...(vek === undefined ? {} : { endorsementKey: describeVek(vek) }),
  };
}

function describeVek({ kind, productName, tcb, hwid, cspId, certificate }: Vek): Fields {
  return {
    kind,
    productName,
    tcb: { ...tcb },
    notAfter: certificate.notAfter.toISOString(),
    ...(hwid === undefined ? {} : { hwID: hex(hwid) }),
    ...(cspId === undefined ? {} : { cspID: cspId }),
  };
}

function names(value: bigint, bits: readonly (readonly [bigint, string])[]): string[] {
  return bits.filter(([bit]) => ((value >> bit) & 1n) !== 0n).map(([, name]) => name);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function word(value: bigint): string {
  return `0x${value.toString(16).padStart(16, "0")}`;
}
