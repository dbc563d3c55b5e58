import {
  all,
  distinct,
  flag,
  listOf,
  mapOf,
  oneOf,
  optional,
  record,
  required,
  text,
  textLike,
  type Faults,
  type Shape,
} from "../json/shape.ts";
import { resources } from "./shape-resources.ts";
import { seccomp } from "./shape-seccomp.ts";
import { absolutePath, int64, uint32 } from "./shape-values.ts";
import type {
  SpecDevice,
  SpecIntelRdt,
  SpecLinux,
  SpecNamespace,
  SpecPersonality,
  SpecTimeOffset,
  SpecTimeOffsets,
} from "./spec-linux.ts";
import type { SpecIdMapping } from "./spec.ts";

const NAMESPACES = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;
const PROPAGATIONS = ["", ...["private", "shared", "slave", "unbindable"].flatMap((name) => [name, `r${name}`])];
/** user_namespaces(7). */
const MOST_MAPPINGS = 340;

const mapping: Shape<SpecIdMapping> = all(
  record<SpecIdMapping>({ containerID: required(uint32), hostID: required(uint32), size: required(uint32) }),
  ({ containerID, hostID, size }, at, faults) => {
    if (size === 0 || containerID + size > 2 ** 32 || hostID + size > 2 ** 32)
      faults.add(`${at}.size`, `expected at least 1 and no ids beyond 32 bits, got ${size}`);
  },
);

/** The kernel refuses the whole map for one overlap. */
export const idMappings: Shape<readonly SpecIdMapping[]> = all(listOf(mapping), (mappings, at, faults) => {
  if (mappings.length > MOST_MAPPINGS)
    faults.add(at, `expected at most ${MOST_MAPPINGS} mappings, got ${mappings.length}`);
  for (const side of ["containerID", "hostID"] as const) {
    const sorted = mappings.toSorted((one, other) => one[side] - other[side]);
    sorted.forEach((one, index) => {
      const before = sorted[index - 1];
      if (before !== undefined && before[side] + before.size > one[side])
        faults.add(at, `expected no id twice, got ${side} ${one[side]} in two mappings`);
    });
  }
});

const namespace: Shape<SpecNamespace> = record<SpecNamespace>({
  type: required(oneOf(NAMESPACES)),
  path: optional(textLike(/^(?:\/|$)/u, "an absolute path")),
});

const device: Shape<SpecDevice> = all(
  record<SpecDevice>({
    path: required(absolutePath),
    type: required(oneOf(["c", "b", "u", "p"])),
    major: optional(int64),
    minor: optional(int64),
    fileMode: optional(uint32),
    uid: optional(uint32),
    gid: optional(uint32),
  }),
  ({ type, major, minor }, at, faults) => {
    for (const [name, number] of Object.entries({ major, minor }))
      if (type !== "p" && number === undefined) faults.add(`${at}.${name}`, `required for type ${type}, got nothing`);
  },
);

const intelRdt: Shape<SpecIntelRdt> = record<SpecIntelRdt>({
  closID: optional(textLike(/^(?!\.{1,2}$)[^/\n]*$/u, "a folder's name")),
  l3CacheSchema: optional(text),
  memBwSchema: optional(text),
  enableCMT: optional(flag),
  enableMBM: optional(flag),
});

const timeOffset: Shape<SpecTimeOffset> = record<SpecTimeOffset>({ secs: optional(int64), nanosecs: optional(uint32) });

function assertSysctls(settings: Readonly<Record<string, string>>, at: string, faults: Faults): void {
  for (const name of Object.keys(settings))
    if (!/^[^\s./][^\s]*$/u.test(name) || name.includes(".."))
      faults.add(at, `expected names such as net.ipv4.ip_forward, got ${JSON.stringify(name.slice(0, 80))}`);
}

/** What belongs to a namespace of the container's own. */
function assertUserNamespace(
  { namespaces = [], uidMappings, gidMappings }: SpecLinux,
  at: string,
  faults: Faults,
): void {
  const own = namespaces.find(({ type }) => type === "user");
  for (const [name, mappings] of Object.entries({ uidMappings, gidMappings })) {
    if (own === undefined && mappings !== undefined && mappings.length > 0)
      faults.add(`${at}.${name}`, "expected only with a user namespace, got none");
    if (own !== undefined && (own.path ?? "") === "" && (mappings ?? []).length === 0)
      faults.add(`${at}.${name}`, "required for a new user namespace, got nothing");
  }
}

export const linux: Shape<SpecLinux> = all(
  record<SpecLinux>({
    uidMappings: optional(idMappings),
    gidMappings: optional(idMappings),
    sysctl: optional(all(mapOf(text), assertSysctls)),
    resources: optional(resources),
    cgroupsPath: optional(text),
    namespaces: optional(distinct(listOf(namespace), "type", ({ type }) => type)),
    devices: optional(listOf(device)),
    seccomp: optional(seccomp),
    rootfsPropagation: optional(oneOf(PROPAGATIONS)),
    maskedPaths: optional(listOf(absolutePath)),
    readonlyPaths: optional(listOf(absolutePath)),
    mountLabel: optional(text),
    intelRdt: optional(intelRdt),
    personality: optional(
      record<SpecPersonality>({ domain: required(oneOf(["LINUX", "LINUX32"])), flags: optional(listOf(text)) }),
    ),
    timeOffsets: optional(record<SpecTimeOffsets>({ monotonic: optional(timeOffset), boottime: optional(timeOffset) })),
  }),
  assertUserNamespace,
);
