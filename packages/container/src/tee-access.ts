import type { Stats } from "node:fs";
import type { SpecDevice, SpecDeviceRule, SpecMount, RuntimeSpec } from "@inclavare/oci";
import { epcLimit } from "./epc-limit.ts";
import { type HostFiles, hostFiles } from "./host-files.ts";
import type { EnclaveRequest } from "./request.ts";

/** What of the machine's TEE goes into a container. */
export interface TeeAccess {
  readonly devices: readonly SpecDevice[];
  readonly deviceRules: readonly SpecDeviceRule[];
  readonly mounts: readonly SpecMount[];
  /** Files of the cgroup (version 2) with their values. */
  readonly cgroupFiles: Readonly<Record<string, string>>;
}

const NOTHING: TeeAccess = { devices: [], deviceRules: [], mounts: [], cgroupFiles: {} };

/** Under every name that a driver has given them; the SDK opens `/dev/sgx/enclave`, which may be a link. */
const SGX_DEVICES = [
  "/dev/sgx_enclave",
  "/dev/sgx/enclave",
  "/dev/sgx_provision",
  "/dev/sgx/provision",
  "/dev/isgx",
  "/dev/gsgx",
];
const MISC_MAJOR = 10;
const AESMD = "/var/run/aesmd";

/**
 * SGX: the devices that the machine has, by number and no others, and the socket of the quoting service, and a limit of
 * enclave memory if one is asked for. TDX and SEV-SNP: nothing, for there the guest is the TEE, and attesterd alone asks it
 * for reports.
 * @throws ERR_EPC_LIMIT, ERR_REQUEST_CONTRADICTION
 */
export function teeAccess(request: EnclaveRequest, spec: RuntimeSpec, files: HostFiles = hostFiles): TeeAccess {
  if (request.type !== "intelSgx") return NOTHING;
  const present = SGX_DEVICES.flatMap((path) => {
    const stats = files.stat(path);
    return stats?.isCharacterDevice() === true && majorOf(stats) === MISC_MAJOR
      ? [{ path, minor: minorOf(stats) }]
      : [];
  });
  const listed = new Set((spec.linux?.devices ?? []).map(({ path }) => path));
  return {
    devices: present
      .filter(({ path }) => !listed.has(path))
      .map(({ path, minor }) => ({ path, type: "c", major: MISC_MAJOR, minor, fileMode: 0o666, uid: 0, gid: 0 })),
    deviceRules: [...new Set(present.map(({ minor }) => minor))].map((minor) => ({
      allow: true,
      type: "c",
      major: MISC_MAJOR,
      minor,
      access: "rwm",
    })),
    mounts: quotingService(spec, files),
    cgroupFiles: epcLimit(request, spec, files),
  };
}

function quotingService(spec: RuntimeSpec, files: HostFiles): SpecMount[] {
  const taken = (spec.mounts ?? []).some(({ destination }) => [AESMD, "/run/aesmd"].includes(destination));
  if (taken || files.stat(AESMD)?.isDirectory() !== true) return [];
  return [{ source: AESMD, destination: AESMD, type: "bind", options: ["rbind", "rprivate", "nosuid", "nodev"] }];
}

/** dev_t of Linux: makedev(3). */
function majorOf({ rdev }: Stats): number {
  return (rdev >>> 8) & 0xfff;
}

function minorOf({ rdev }: Stats): number {
  return (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
}
