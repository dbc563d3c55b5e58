import {
  all,
  flag,
  integer,
  listOf,
  mapOf,
  oneOf,
  optional,
  record,
  required,
  rule,
  text,
  textLike,
  type Shape,
} from "../json/shape.ts";

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

export const uint16: Shape = integer(0, 0xff_ff);
export const uint32: Shape = integer(0, 0xff_ff_ff_ff);
export const int32: Shape = integer(-(2 ** 31), 2 ** 31 - 1);
export const int64: Shape = integer(INT64_MIN, INT64_MAX);
export const uint64: Shape = integer(0, 2n ** 64n - 1n);
export const absolutePath: Shape = textLike(/^\//u, "an absolute path");

const NAMESPACES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"];
const ACTION = /^SCMP_ACT_[A-Z_]+$/u;

export const idMappings: Shape = listOf(
  record({ containerID: required(uint32), hostID: required(uint32), size: required(uint32) }),
);

const namespaces: Shape = all(
  listOf(record({ type: required(oneOf(NAMESPACES)), path: optional(text) })),
  (value, path) => {
    const types = (value as readonly { readonly type: string }[]).map((namespace) => namespace.type);
    const again = types.find((type, index) => types.indexOf(type) !== index);
    return again === undefined ? undefined : { path, rule: `must name each type once, ${again} comes again` };
  },
);

const device: Shape = record({
  path: required(absolutePath),
  type: required(oneOf(["c", "b", "u", "p"])),
  major: optional(int64),
  minor: optional(int64),
  fileMode: optional(uint32),
  uid: optional(uint32),
  gid: optional(uint32),
});

const deviceRule: Shape = record({
  allow: optional(flag),
  type: optional(textLike(/^[acb]?$/u, "a, c or b")),
  major: optional(int64),
  minor: optional(int64),
  access: optional(textLike(/^[rwm]{0,3}$/u, "made of r, w and m")),
});

const memory: Shape = record({
  limit: optional(int64),
  reservation: optional(int64),
  swap: optional(int64),
  kernel: optional(int64),
  kernelTCP: optional(int64),
  swappiness: optional(uint64),
  disableOOMKiller: optional(flag),
  useHierarchy: optional(flag),
  checkBeforeUpdate: optional(flag),
});

const cpu: Shape = record({
  shares: optional(uint64),
  quota: optional(int64),
  burst: optional(uint64),
  period: optional(uint64),
  realtimeRuntime: optional(int64),
  realtimePeriod: optional(uint64),
  cpus: optional(text),
  mems: optional(text),
  idle: optional(int64),
});

const weightDevice: Shape = record({
  major: optional(int64),
  minor: optional(int64),
  weight: optional(uint16),
  leafWeight: optional(uint16),
});
const throttleDevice: Shape = record({ major: optional(int64), minor: optional(int64), rate: optional(uint64) });

const blockIo: Shape = record({
  weight: optional(uint16),
  leafWeight: optional(uint16),
  weightDevice: optional(listOf(weightDevice)),
  throttleReadBpsDevice: optional(listOf(throttleDevice)),
  throttleWriteBpsDevice: optional(listOf(throttleDevice)),
  throttleReadIOPSDevice: optional(listOf(throttleDevice)),
  throttleWriteIOPSDevice: optional(listOf(throttleDevice)),
});

/** Also what `update` takes. */
export const resources: Shape = record({
  devices: optional(listOf(deviceRule)),
  memory: optional(memory),
  cpu: optional(cpu),
  pids: optional(record({ limit: optional(int64) })),
  blockIO: optional(blockIo),
  hugepageLimits: optional(listOf(record({ pageSize: required(text), limit: required(uint64) }))),
  network: optional(
    record({
      classID: optional(uint32),
      priorities: optional(listOf(record({ name: required(text), priority: required(uint32) }))),
    }),
  ),
  rdma: optional(mapOf(record({ hcaHandles: optional(uint32), hcaObjects: optional(uint32) }))),
  unified: optional(mapOf(text)),
});

const syscall: Shape = record({
  names: required(listOf(text)),
  action: required(textLike(ACTION, "like SCMP_ACT_ERRNO")),
  errnoRet: optional(uint32),
  args: optional(
    listOf(
      record({
        index: required(integer(0, 5)),
        value: required(uint64),
        valueTwo: optional(uint64),
        op: required(textLike(/^SCMP_CMP_[A-Z_]+$/u, "like SCMP_CMP_EQ")),
      }),
    ),
  ),
});

const seccomp: Shape = record({
  defaultAction: required(textLike(ACTION, "like SCMP_ACT_ERRNO")),
  defaultErrnoRet: optional(uint32),
  architectures: optional(listOf(text)),
  flags: optional(listOf(text)),
  listenerPath: optional(text),
  listenerMetadata: optional(text),
  syscalls: optional(listOf(syscall)),
});

const intelRdt: Shape = record({
  closID: optional(text),
  l3CacheSchema: optional(text),
  memBwSchema: optional(text),
  enableCMT: optional(flag),
  enableMBM: optional(flag),
});

export const linux: Shape = all(
  record({
    uidMappings: optional(idMappings),
    gidMappings: optional(idMappings),
    sysctl: optional(mapOf(text)),
    resources: optional(resources),
    cgroupsPath: optional(text),
    namespaces: optional(namespaces),
    devices: optional(listOf(device)),
    seccomp: optional(seccomp),
    rootfsPropagation: optional(text),
    maskedPaths: optional(listOf(text)),
    readonlyPaths: optional(listOf(text)),
    mountLabel: optional(text),
    intelRdt: optional(intelRdt),
    personality: optional(record({ domain: required(text), flags: optional(listOf(text)) })),
    timeOffsets: optional(mapOf(record({ secs: optional(int64), nanosecs: optional(uint32) }))),
  }),
  rule((value) => {
    const joined = (value["namespaces"] as readonly { type: string; path?: string }[] | undefined) ?? [];
    const mapped = value["uidMappings"] !== undefined || value["gidMappings"] !== undefined;
    return mapped && !joined.some(({ type }) => type === "user")
      ? "must have a user namespace for its mappings"
      : undefined;
  }),
);
