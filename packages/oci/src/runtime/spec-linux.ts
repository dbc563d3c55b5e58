import type { SpecIdMapping, SpecInteger } from "./spec.ts";

/** config-linux.md of the OCI runtime specification 1.2. */
export interface SpecLinux {
  readonly uidMappings?: readonly SpecIdMapping[];
  readonly gidMappings?: readonly SpecIdMapping[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly resources?: SpecResources;
  readonly cgroupsPath?: string;
  readonly namespaces?: readonly SpecNamespace[];
  readonly devices?: readonly SpecDevice[];
  readonly seccomp?: SpecSeccomp;
  readonly rootfsPropagation?: string;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
  readonly intelRdt?: SpecIntelRdt;
  readonly personality?: SpecPersonality;
  readonly timeOffsets?: SpecTimeOffsets;
}

/** personality(2): `LINUX` or `LINUX32`. */
export interface SpecPersonality {
  readonly domain: string;
  readonly flags?: readonly string[];
}

export interface SpecTimeOffsets {
  readonly monotonic?: SpecTimeOffset;
  readonly boottime?: SpecTimeOffset;
}

/** time_namespaces(7). */
export interface SpecTimeOffset {
  readonly secs?: SpecInteger;
  readonly nanosecs?: number;
}

export type SpecNamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface SpecNamespace {
  readonly type: SpecNamespaceType;
  /** Absolute; left out: a new namespace. */
  readonly path?: string;
}

export interface SpecDevice {
  readonly path: string;
  /** `c`, `b`, `u` or `p`. */
  readonly type: string;
  readonly major?: SpecInteger;
  readonly minor?: SpecInteger;
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface SpecDeviceRule {
  /** Left out: no. */
  readonly allow?: boolean;
  /** `a`, `c` or `b`; left out: all. */
  readonly type?: string;
  readonly major?: SpecInteger;
  readonly minor?: SpecInteger;
  /** Of the letters r, w, m. */
  readonly access?: string;
}

export interface SpecResources {
  readonly devices?: readonly SpecDeviceRule[];
  readonly memory?: SpecMemory;
  readonly cpu?: SpecCpu;
  readonly pids?: SpecPids;
  readonly blockIO?: SpecBlockIo;
  readonly hugepageLimits?: readonly { readonly pageSize: string; readonly limit: SpecInteger }[];
  readonly network?: SpecNetworkResources;
  readonly rdma?: Readonly<Record<string, SpecRdma>>;
  /** Names and contents of files of cgroup v2. */
  readonly unified?: Readonly<Record<string, string>>;
}

export interface SpecNetworkResources {
  readonly classID?: number;
  readonly priorities?: readonly { readonly name: string; readonly priority: number }[];
}

export interface SpecRdma {
  readonly hcaHandles?: number;
  readonly hcaObjects?: number;
}

/** 0 or less means no limit. */
export interface SpecPids {
  readonly limit?: SpecInteger;
}

/** In bytes; -1 means no limit. */
export interface SpecMemory {
  readonly limit?: SpecInteger;
  readonly reservation?: SpecInteger;
  readonly swap?: SpecInteger;
  readonly kernel?: SpecInteger;
  readonly kernelTCP?: SpecInteger;
  readonly swappiness?: SpecInteger;
  readonly disableOOMKiller?: boolean;
  readonly useHierarchy?: boolean;
  readonly checkBeforeUpdate?: boolean;
}

/** Times in microseconds. */
export interface SpecCpu {
  readonly shares?: SpecInteger;
  readonly quota?: SpecInteger;
  readonly burst?: SpecInteger;
  readonly period?: SpecInteger;
  readonly realtimeRuntime?: SpecInteger;
  readonly realtimePeriod?: SpecInteger;
  readonly cpus?: string;
  readonly mems?: string;
  readonly idle?: SpecInteger;
}

export interface SpecBlockIo {
  readonly weight?: number;
  readonly leafWeight?: number;
  readonly weightDevice?: readonly SpecWeightDevice[];
  readonly throttleReadBpsDevice?: readonly SpecThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly SpecThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly SpecThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly SpecThrottleDevice[];
}

export interface SpecWeightDevice {
  readonly major?: SpecInteger;
  readonly minor?: SpecInteger;
  readonly weight?: number;
  readonly leafWeight?: number;
}

export interface SpecThrottleDevice {
  readonly major?: SpecInteger;
  readonly minor?: SpecInteger;
  readonly rate?: SpecInteger;
}

export interface SpecSeccomp {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls?: readonly SpecSyscall[];
}

export interface SpecSyscall {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SpecSyscallArgument[];
}

/** All arguments of one syscall must hold; `valueTwo` belongs to `SCMP_CMP_MASKED_EQ`. */
export interface SpecSyscallArgument {
  readonly index: number;
  readonly value: SpecInteger;
  readonly valueTwo?: SpecInteger;
  readonly op: string;
}

export interface SpecIntelRdt {
  readonly closID?: string;
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableCMT?: boolean;
  readonly enableMBM?: boolean;
}
