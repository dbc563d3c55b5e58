/** Decoding of SEV-SNP attestation reports, versions 2 to 5. @see AMD 56860, ATTESTATION_REPORT and GUEST_POLICY */
import { CheckFailure } from "../check.ts";
import type { SnpMeasurement } from "../measurement.ts";

export const SNP_REPORT_BYTES = 1184;
const SIGNED_BYTES = 0x2a0;
const VERSIONS = { least: 2, most: 5 };
const WITH_CPUID = 3;
const WITH_MITIGATIONS = 5;
const ECDSA_P384_SHA384 = 1;
/** R and S are 72 bytes each, of which the curve needs 48. */
const SIGNATURE_INTEGER_BYTES = 72;
const CURVE_BYTES = 48;

export const GUEST_POLICY = { reservedOne: 1n << 17n, migrationAgent: 1n << 18n, debug: 1n << 19n } as const;
const POLICY_RESERVED_FROM = 26n;

/** SIGNING_KEY by its number; 7 is a report that nobody signed. */
const SIGNING_KEYS = new Map<number, SnpSigningKey>([
  [0, "VCEK"],
  [1, "VLEK"],
  [7, "none"],
]);

export type SnpSigningKey = "VCEK" | "VLEK" | "none";

/** All bytes are copies; those of TCB_VERSION are 8, whose meaning depends on the product. */
export interface SnpReport {
  readonly version: number;
  readonly guestSvn: number;
  readonly policy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  /** 0 to 3; 0xffffffff where the host asked for the report. */
  readonly vmpl: number;
  readonly currentTcb: Uint8Array;
  readonly platformInfo: bigint;
  readonly authorKeyEnabled: boolean;
  readonly maskChipKey: boolean;
  readonly signingKey: SnpSigningKey;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly reportIdMa: Uint8Array;
  readonly reportedTcb: Uint8Array;
  /** From version 3: combined family and model, and stepping. */
  readonly cpuid?: { readonly family: number; readonly model: number; readonly stepping: number };
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  /** `major.minor.build` of the firmware. */
  readonly currentVersion: string;
  readonly committedVersion: string;
  readonly launchTcb: Uint8Array;
  /** From version 5. */
  readonly mitigations?: { readonly launch: bigint; readonly current: bigint };
  readonly signedBytes: Uint8Array;
  /** r and s as they stand, 72 bytes each, little-endian. */
  readonly signature: { readonly r: Uint8Array; readonly s: Uint8Array };
}

/**
 * @param bytes exactly 1184 bytes.
 * @throws CheckFailure ERR_EVIDENCE_FORMAT; ERR_EVIDENCE_UNSUPPORTED for a version that is not known
 */
export function decodeSnpReport(bytes: Uint8Array): SnpReport {
  if (bytes.length !== SNP_REPORT_BYTES) {
    throw malformed("has the wrong size", `${SNP_REPORT_BYTES} bytes`, `${bytes.length} bytes`);
  }
  const b = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const take = (offset: number, sizeBytes: number): Uint8Array =>
    new Uint8Array(b.subarray(offset, offset + sizeBytes));
  const version = b.readUInt32LE(0);
  const keyInfo = b.readUInt32LE(0x48);
  const policy = b.readBigUInt64LE(8);
  assertForm(b, version);
  const signingKey = SIGNING_KEYS.get((keyInfo >> 2) & 7);
  if (signingKey === undefined || keyInfo >> 5 !== 0) {
    throw malformed("names a signing key that does not exist", "VCEK, VLEK or none", `0x${keyInfo.toString(16)}`);
  }
  return {
    version,
    guestSvn: b.readUInt32LE(4),
    policy,
    familyId: take(0x10, 16),
    imageId: take(0x20, 16),
    vmpl: b.readUInt32LE(0x30),
    currentTcb: take(0x38, 8),
    platformInfo: b.readBigUInt64LE(0x40),
    authorKeyEnabled: (keyInfo & 1) !== 0,
    maskChipKey: (keyInfo & 2) !== 0,
    signingKey,
    reportData: take(0x50, 64),
    measurement: take(0x90, 48),
    hostData: take(0xc0, 32),
    idKeyDigest: take(0xe0, 48),
    authorKeyDigest: take(0x110, 48),
    reportId: take(0x140, 32),
    reportIdMa: take(0x160, 32),
    reportedTcb: take(0x180, 8),
    ...(version < WITH_CPUID
      ? {}
      : { cpuid: { family: b.readUInt8(0x188), model: b.readUInt8(0x189), stepping: b.readUInt8(0x18a) } }),
    chipId: take(0x1a0, 64),
    committedTcb: take(0x1e0, 8),
    currentVersion: firmware(b, 0x1e8),
    committedVersion: firmware(b, 0x1ec),
    launchTcb: take(0x1f0, 8),
    ...(version < WITH_MITIGATIONS
      ? {}
      : { mitigations: { launch: b.readBigUInt64LE(0x1f8), current: b.readBigUInt64LE(0x200) } }),
    signedBytes: take(0, SIGNED_BYTES),
    signature: { r: take(SIGNED_BYTES, SIGNATURE_INTEGER_BYTES), s: take(SIGNED_BYTES + SIGNATURE_INTEGER_BYTES, 72) },
  };
}

/** What every version must and must not have. */
function assertForm(b: Buffer, version: number): void {
  if (version < VERSIONS.least || version > VERSIONS.most) {
    throw new CheckFailure("ERR_EVIDENCE_UNSUPPORTED", "the report is of a version that is not known", {
      expected: `${VERSIONS.least} to ${VERSIONS.most}`,
      actual: String(version),
    });
  }
  const algorithm = b.readUInt32LE(0x34);
  if (algorithm !== ECDSA_P384_SHA384) {
    throw malformed("is signed with an unknown algorithm", "1 (ECDSA P-384 with SHA-384)", String(algorithm));
  }
  const policy = b.readBigUInt64LE(8);
  if ((policy & GUEST_POLICY.reservedOne) === 0n || policy >> POLICY_RESERVED_FROM !== 0n) {
    const expected = "bit 17 set, bits 26 to 63 clear";
    throw malformed("has a policy with reserved bits that are wrong", expected, `0x${policy.toString(16)}`);
  }
  const reserved: readonly (readonly [number, number])[] = [
    [0x4c, 0x50],
    [version < WITH_CPUID ? 0x188 : 0x18b, 0x1a0],
    [0x1eb, 0x1ec],
    [0x1ef, 0x1f0],
    [version < WITH_MITIGATIONS ? 0x1f8 : 0x208, SIGNED_BYTES],
    [SIGNED_BYTES + 2 * SIGNATURE_INTEGER_BYTES, SNP_REPORT_BYTES],
  ];
  for (const [start, end] of reserved) {
    if (b.subarray(start, end).every((byte) => byte === 0)) continue;
    const place = `0x${start.toString(16)} to 0x${(end - 1).toString(16)}`;
    throw malformed(`of version ${version} has reserved bytes that are not zero, in ${place}`, "zeros", "other bytes");
  }
}

/**
 * The signature as `r || s` in 48 bytes each, big-endian. `undefined` where an integer has more: it would be above the
 * order of the curve's group, and taking its lower part would accept what nobody signed.
 */
export function signatureOf({ signature: { r, s } }: SnpReport): Uint8Array | undefined {
  const isPadded = [r, s].every((integer) => integer.subarray(CURVE_BYTES).every((byte) => byte === 0));
  if (!isPadded) return undefined;
  return Buffer.concat([r, s].map((integer) => integer.slice(0, CURVE_BYTES).reverse()));
}

/** A masked CHIP_ID tells nothing of the chip: the firmware was told to keep it to itself. */
export function isChipIdMasked({ chipId, maskChipKey }: SnpReport): boolean {
  return maskChipKey && chipId.every((byte) => byte === 0);
}

export function measurementOfGuest(report: SnpReport): SnpMeasurement {
  return {
    tee: "sev-snp",
    measurement: hex(report.measurement),
    hostData: hex(report.hostData),
    idKeyDigest: hex(report.idKeyDigest),
    authorKeyDigest: hex(report.authorKeyDigest),
    familyId: hex(report.familyId),
    imageId: hex(report.imageId),
    guestSvn: report.guestSvn,
    vmpl: report.vmpl,
    chipId: hex(report.chipId),
    debug: (report.policy & GUEST_POLICY.debug) !== 0n,
  };
}

function firmware(b: Buffer, offset: number): string {
  return `${b.readUInt8(offset + 2)}.${b.readUInt8(offset + 1)}.${b.readUInt8(offset)}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function malformed(rule: string, expected: string, actual: string): CheckFailure {
  return new CheckFailure("ERR_EVIDENCE_FORMAT", `the report ${rule}`, { expected, actual });
}
