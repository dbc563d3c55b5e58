import {
  distinct,
  flag,
  integer,
  listOf,
  all,
  oneOf,
  optional,
  record,
  required,
  text,
  textLike,
  type Shape,
} from "../json/shape.ts";
import { absolutePath, environment, int32, numberList, strings, uint16, uint32, uint64 } from "./shape-values.ts";
import type { SpecCapabilities, SpecCpuAffinity, SpecProcess, SpecRlimit, SpecScheduler, SpecUser } from "./spec.ts";

/** getrlimit(2). */
const RLIMITS = "AS CORE CPU DATA FSIZE LOCKS MEMLOCK MSGQUEUE NICE NOFILE NPROC RSS RTPRIO RTTIME SIGPENDING STACK"
  .split(" ")
  .map((name) => `RLIMIT_${name}`);

const rlimit: Shape<SpecRlimit> = all(
  record<SpecRlimit>({ type: required(oneOf(RLIMITS)), hard: required(uint64), soft: required(uint64) }),
  ({ soft, hard }, at, faults) => {
    if (soft > hard) faults.add(`${at}.soft`, `expected at most the hard limit ${hard}, got ${soft}`);
  },
);

const user: Shape<SpecUser> = record<SpecUser>({
  uid: optional(uint32),
  gid: optional(uint32),
  umask: optional(uint32),
  additionalGids: optional(listOf(uint32)),
  username: optional(text),
});

/** Capabilities that a kernel does not know are left out with a warning by runc, as the specification says. */
const names: Shape<readonly string[]> = listOf(textLike(/^CAP_[A-Z0-9_]+$/u, "a name such as CAP_KILL"));

const capabilities: Shape<SpecCapabilities> = record<SpecCapabilities>({
  bounding: optional(names),
  effective: optional(names),
  inheritable: optional(names),
  permitted: optional(names),
  ambient: optional(names),
});

const POLICIES = ["SCHED_OTHER", "SCHED_FIFO", "SCHED_RR", "SCHED_BATCH", "SCHED_ISO", "SCHED_IDLE", "SCHED_DEADLINE"];
const SCHEDULER_FLAGS = [
  "SCHED_FLAG_RESET_ON_FORK",
  "SCHED_FLAG_RECLAIM",
  "SCHED_FLAG_DL_OVERRUN",
  "SCHED_FLAG_KEEP_POLICY",
  "SCHED_FLAG_KEEP_PARAMS",
  "SCHED_FLAG_UTIL_CLAMP_MIN",
  "SCHED_FLAG_UTIL_CLAMP_MAX",
];

const scheduler: Shape<SpecScheduler> = record<SpecScheduler>({
  policy: required(oneOf(POLICIES)),
  nice: optional(int32),
  priority: optional(int32),
  flags: optional(listOf(oneOf(SCHEDULER_FLAGS))),
  runtime: optional(uint64),
  deadline: optional(uint64),
  period: optional(uint64),
});

/** `process` of a config.json, which is also what `exec --process` takes. */
export const processShape: Shape<SpecProcess> = record<SpecProcess>(
  {
    terminal: optional(flag),
    consoleSize: optional(record({ height: required(uint16), width: required(uint16) })),
    user: optional(user),
    args: optional(strings),
    env: optional(environment),
    cwd: required(absolutePath),
    capabilities: optional(capabilities),
    rlimits: optional(distinct(listOf(rlimit), "type", ({ type }) => type)),
    noNewPrivileges: optional(flag),
    apparmorProfile: optional(text),
    oomScoreAdj: optional(integer(-1000, 1000)),
    scheduler: optional(scheduler),
    selinuxLabel: optional(text),
    ioPriority: optional(
      record({
        class: required(oneOf(["IOPRIO_CLASS_RT", "IOPRIO_CLASS_BE", "IOPRIO_CLASS_IDLE"])),
        priority: required(integer(0, 7)),
      }),
    ),
    execCPUAffinity: optional(record<SpecCpuAffinity>({ initial: optional(numberList), final: optional(numberList) })),
  },
  ["commandLine"],
);
