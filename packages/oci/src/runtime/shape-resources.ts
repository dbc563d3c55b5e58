import {
  all,
  flag,
  integer,
  listOf,
  mapOf,
  optional,
  record,
  required,
  text,
  textLike,
  type Faults,
  type Shape,
} from "../json/shape.ts";
import { int64, limit, numberList, uint32, uint64 } from "./shape-values.ts";
import type {
  SpecBlockIo,
  SpecCpu,
  SpecDeviceRule,
  SpecMemory,
  SpecNetworkResources,
  SpecPids,
  SpecRdma,
  SpecResources,
  SpecThrottleDevice,
  SpecWeightDevice,
} from "./spec-linux.ts";

const deviceRule: Shape<SpecDeviceRule> = record<SpecDeviceRule>({
  allow: optional(flag),
  type: optional(textLike(/^[acb]?$/u, "a, c or b")),
  major: optional(int64),
  minor: optional(int64),
  access: optional(textLike(/^[rwm]{0,3}$/u, "the letters r, w and m")),
});

/** The kernel says no more than "invalid argument" to what breaks these. */
const UNSET_SWAPPINESS = 2n ** 64n - 1n;

const memory: Shape<SpecMemory> = all(
  record<SpecMemory>({
    limit: optional(limit),
    reservation: optional(limit),
    swap: optional(limit),
    kernel: optional(limit),
    kernelTCP: optional(limit),
    swappiness: optional(uint64),
    disableOOMKiller: optional(flag),
    useHierarchy: optional(flag),
    checkBeforeUpdate: optional(flag),
  }),
  ({ swappiness = 0 }, at, faults) => {
    if (swappiness > 100 && swappiness !== UNSET_SWAPPINESS)
      faults.add(`${at}.swappiness`, `expected an integer from 0 to 100, got ${swappiness}`);
  },
  ({ limit: most = -1, swap = -1 }, at, faults) => {
    if (swap > 0 && swap < most)
      faults.add(`${at}.swap`, `expected at least the memory limit ${most}, which it includes, got ${swap}`);
  },
);

const cpu: Shape<SpecCpu> = all(
  record<SpecCpu>({
    shares: optional(uint64),
    quota: optional(int64),
    burst: optional(uint64),
    period: optional(uint64),
    realtimeRuntime: optional(int64),
    realtimePeriod: optional(uint64),
    cpus: optional(numberList),
    mems: optional(numberList),
    idle: optional(int64),
  }),
  ({ quota = 0, period = 0 }, at, faults) => {
    // sched_setattr's neighbour, the CFS bandwidth controller: Documentation/scheduler/sched-bwc.rst.
    if (quota > 0 && quota < 1000) faults.add(`${at}.quota`, `expected at least 1000 microseconds, got ${quota}`);
    if (period !== 0 && (period < 1000 || period > 1_000_000))
      faults.add(`${at}.period`, `expected 1000 to 1000000 microseconds, got ${period}`);
  },
);

/** 0 leaves it as it is. */
const weight: Shape<number> = all(integer(0, 1000), (value, at, faults) => {
  if (value > 0 && value < 10) faults.add(at, `expected an integer from 10 to 1000, got ${value}`);
});

const weightDevice: Shape<SpecWeightDevice> = record<SpecWeightDevice>({
  major: optional(int64),
  minor: optional(int64),
  weight: optional(weight),
  leafWeight: optional(weight),
});

const throttles: Shape<readonly SpecThrottleDevice[]> = listOf(
  record<SpecThrottleDevice>({ major: optional(int64), minor: optional(int64), rate: optional(uint64) }),
);

const blockIo: Shape<SpecBlockIo> = record<SpecBlockIo>({
  weight: optional(weight),
  leafWeight: optional(weight),
  weightDevice: optional(listOf(weightDevice)),
  throttleReadBpsDevice: optional(throttles),
  throttleWriteBpsDevice: optional(throttles),
  throttleReadIOPSDevice: optional(throttles),
  throttleWriteIOPSDevice: optional(throttles),
});

const pageSize: Shape<string> = textLike(/^[1-9]\d*[KMG]B$/u, "a size such as 2MB");

/** A file's name in a cgroup v2 folder; a slash would lead out of it. */
function assertFileNames(unified: Readonly<Record<string, string>>, at: string, faults: Faults): void {
  for (const name of Object.keys(unified))
    if (name === "" || name.includes("/"))
      faults.add(at, `expected names of cgroup files, got ${JSON.stringify(name)}`);
}

/** `linux.resources` of a config.json, which is also what `update` takes. */
export const resources: Shape<SpecResources> = record<SpecResources>({
  devices: optional(listOf(deviceRule)),
  memory: optional(memory),
  cpu: optional(cpu),
  pids: optional(record<SpecPids>({ limit: optional(int64) })),
  blockIO: optional(blockIo),
  hugepageLimits: optional(listOf(record({ pageSize: required(pageSize), limit: required(uint64) }))),
  network: optional(
    record<SpecNetworkResources>({
      classID: optional(uint32),
      priorities: optional(listOf(record({ name: required(text), priority: required(uint32) }))),
    }),
  ),
  rdma: optional(mapOf(record<SpecRdma>({ hcaHandles: optional(uint32), hcaObjects: optional(uint32) }))),
  unified: optional(all(mapOf(text), assertFileNames)),
});
