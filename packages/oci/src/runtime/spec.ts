import type { SpecLinux } from "./spec-linux.ts";

/** A 64-bit integer of the specification: a bigint where a double cannot hold it, see {@link formatRuntimeSpec}. */
export type SpecInteger = number | bigint;

/**
 * A container's config.json, after the OCI runtime specification 1.2 (config.md, config-linux.md). Members that are not
 * listed here are kept as they came: a bundle that is derived from this one must pass them on.
 */
export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly process?: SpecProcess;
  readonly root?: SpecRoot;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts?: readonly SpecMount[];
  readonly hooks?: SpecHooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: SpecLinux;
}

/** A specification that a container can be made from. */
export interface RunnableSpec extends RuntimeSpec {
  readonly process: RunnableProcess;
  readonly root: SpecRoot;
}

/** The little of a specification that says whether the container wants to be more than a plain one. */
export interface SpecOutline {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly process?: { readonly env?: readonly string[] };
}

export interface SpecProcess {
  readonly terminal?: boolean;
  /** In characters. */
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user?: SpecUser;
  readonly args?: readonly string[];
  /** Each `NAME=value`. */
  readonly env?: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  readonly capabilities?: SpecCapabilities;
  readonly rlimits?: readonly SpecRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly oomScoreAdj?: number;
  readonly scheduler?: SpecScheduler;
  readonly selinuxLabel?: string;
  readonly ioPriority?: { readonly class: string; readonly priority: number };
  readonly execCPUAffinity?: SpecCpuAffinity;
}

/** Processors such as `0-3,7`, while an exec joins the container and afterwards. */
export interface SpecCpuAffinity {
  readonly initial?: string;
  readonly final?: string;
}

/** A process with something to run. */
export interface RunnableProcess extends SpecProcess {
  /** Not empty. */
  readonly args: readonly string[];
}

/** Leaving out a number means 0, as in runc. */
export interface SpecUser {
  readonly uid?: number;
  readonly gid?: number;
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
  readonly username?: string;
}

/** Names like `CAP_KILL`. */
export interface SpecCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
}

/** `type` like `RLIMIT_NOFILE`; 2^64 - 1 means no limit. */
export interface SpecRlimit {
  readonly type: string;
  readonly hard: SpecInteger;
  readonly soft: SpecInteger;
}

/** sched_setattr(2); the times are nanoseconds. */
export interface SpecScheduler {
  readonly policy: string;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: readonly string[];
  readonly runtime?: SpecInteger;
  readonly deadline?: SpecInteger;
  readonly period?: SpecInteger;
}

export interface SpecRoot {
  /** Absolute, or relative to the bundle. */
  readonly path: string;
  readonly readonly?: boolean;
}

export interface SpecMount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
  readonly uidMappings?: readonly SpecIdMapping[];
  readonly gidMappings?: readonly SpecIdMapping[];
}

export interface SpecIdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface SpecHooks {
  readonly prestart?: readonly SpecHook[];
  readonly createRuntime?: readonly SpecHook[];
  readonly createContainer?: readonly SpecHook[];
  readonly startContainer?: readonly SpecHook[];
  readonly poststart?: readonly SpecHook[];
  readonly poststop?: readonly SpecHook[];
}

export interface SpecHook {
  /** Absolute. */
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** In seconds, more than 0; left out: no limit. */
  readonly timeout?: number;
}
