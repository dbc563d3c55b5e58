/** io.containerd.cgroups.v1.Metrics, from the folders of the controllers. */
import { message, type MessageOf, nested, repeated, text, uint64 } from "@inclavare/ttrpc";
import type { Cgroup } from "./cgroup.ts";
import { counterFields, counters, pick } from "./fields.ts";
import { PAGE_SIZES, parseNumber, readLines, readNumber, readTable } from "./files.ts";

/** Clock ticks of cpuacct.stat: 100 a second on Linux. */
const NANOS_PER_TICK = 10_000_000n;
const ENTRY = ["usage", "max", "failcnt"] as const;
const THROTTLING = ["nr_periods", "nr_throttled", "throttled_time"] as const;
const OOM = ["oom_kill_disable", "under_oom", "oom_kill"] as const;
/** The kernel's names in memory.stat, in the order of their numbers; the second half counts the children as well. */
const COUNTED = (
  "cache rss rss_huge mapped_file dirty writeback pgpgin pgpgout pgfault pgmajfault " +
  "inactive_anon active_anon inactive_file active_file unevictable"
).split(" ");
const LIMITS = ["hierarchical_memory_limit", "hierarchical_memsw_limit"];
const MEMORY = [...COUNTED, ...LIMITS, ...COUNTED.map((name) => `total_${name}`)];
const MEMORY_ENTRY = ["limit", "usage", "max", "failcnt"] as const;
const MEMORY_FILES: Readonly<Record<(typeof MEMORY_ENTRY)[number], string>> = {
  limit: "limit_in_bytes",
  usage: "usage_in_bytes",
  max: "max_usage_in_bytes",
  failcnt: "failcnt",
};
/** The parts of the blkio controller by the files they come from; with a scheduler that counts, its own are read. */
const BLKIO = {
  ioServiceBytes: ["blkio.bfq.io_service_bytes_recursive", "blkio.throttle.io_service_bytes_recursive"],
  ioServiced: ["blkio.bfq.io_serviced_recursive", "blkio.throttle.io_serviced_recursive"],
  ioQueued: ["blkio.bfq.io_queued_recursive"],
  ioServiceTime: ["blkio.bfq.io_service_time_recursive"],
  ioWaitTime: ["blkio.bfq.io_wait_time_recursive"],
  ioMerged: ["blkio.bfq.io_merged_recursive"],
  ioTime: ["blkio.bfq.time_recursive"],
  sectors: ["blkio.bfq.sectors_recursive"],
} as const;

const memoryEntry = counters(MEMORY_ENTRY);
const blkioEntry = message({ op: text(1), device: text(2), major: uint64(3), minor: uint64(4), value: uint64(5) });
const metrics = message({
  hugetlb: repeated(nested(1, message({ ...counterFields(ENTRY), pageSize: text(4) }))),
  pids: nested(2, counters(["current", "limit"])),
  cpu: nested(
    3,
    message({
      usage: nested(1, message({ total: uint64(1), kernel: uint64(2), user: uint64(3), perCpu: repeated(uint64(4)) })),
      throttling: nested(2, counters(THROTTLING)),
    }),
  ),
  memory: nested(
    4,
    message({
      ...counterFields(MEMORY),
      usage: nested(33, memoryEntry),
      swap: nested(34, memoryEntry),
      kernel: nested(35, memoryEntry),
      kernelTcp: nested(36, memoryEntry),
    }),
  ),
  blkio: nested(
    5,
    message({
      ioServiceBytes: repeated(nested(1, blkioEntry)),
      ioServiced: repeated(nested(2, blkioEntry)),
      ioQueued: repeated(nested(3, blkioEntry)),
      ioServiceTime: repeated(nested(4, blkioEntry)),
      ioWaitTime: repeated(nested(5, blkioEntry)),
      ioMerged: repeated(nested(6, blkioEntry)),
      ioTime: repeated(nested(7, blkioEntry)),
      sectors: repeated(nested(8, blkioEntry)),
    }),
  ),
  memoryOomControl: nested(9, counters(OOM)),
});

export const METRICS_V1_TYPE = "io.containerd.cgroups.v1.Metrics";

/** Controllers that are not mounted leave their part out. */
export function encodeMetricsV1({ folder }: Pick<Cgroup, "folder">): Uint8Array {
  return metrics.encode({
    pids: pidsOf(folder("pids")),
    cpu: cpuOf(folder),
    ...memoryOf(folder("memory")),
    blkio: blkioOf(folder("blkio")),
    hugetlb: hugetlbOf(folder("hugetlb")),
  });
}

function pidsOf(folder: string) {
  const current = readNumber(folder, "pids.current");
  return current === undefined ? undefined : { current, limit: readNumber(folder, "pids.max") ?? 0n };
}

function cpuOf(folder: Cgroup["folder"]) {
  const total = readNumber(folder("cpuacct"), "cpuacct.usage");
  if (total === undefined) return undefined;
  const ticks = readTable(folder("cpuacct"), "cpuacct.stat");
  const perCpu = (readLines(folder("cpuacct"), "cpuacct.usage_percpu")?.[0] ?? "").trim().split(" ");
  return {
    usage: {
      total,
      kernel: (ticks?.get("system") ?? 0n) * NANOS_PER_TICK,
      user: (ticks?.get("user") ?? 0n) * NANOS_PER_TICK,
      perCpu: perCpu.flatMap((word) => parseNumber(word) ?? []),
    },
    throttling: pick(THROTTLING, readTable(folder("cpu"), "cpu.stat")),
  };
}

function memoryOf(folder: string) {
  const table = readTable(folder, "memory.stat");
  if (table === undefined) return {};
  return {
    memory: {
      ...pick(MEMORY, table),
      usage: memoryEntryOf(folder, "memory"),
      swap: memoryEntryOf(folder, "memory.memsw"),
      kernel: memoryEntryOf(folder, "memory.kmem"),
      kernelTcp: memoryEntryOf(folder, "memory.kmem.tcp"),
    },
    memoryOomControl: pick(OOM, readTable(folder, "memory.oom_control")),
  };
}

function memoryEntryOf(folder: string, prefix: string): MessageOf<typeof memoryEntry> | undefined {
  if (readNumber(folder, `${prefix}.usage_in_bytes`) === undefined) return undefined;
  const value = (name: (typeof MEMORY_ENTRY)[number]): bigint =>
    readNumber(folder, `${prefix}.${MEMORY_FILES[name]}`) ?? 0n;
  return { limit: value("limit"), usage: value("usage"), max: value("max"), failcnt: value("failcnt") };
}

function hugetlbOf(folder: string) {
  return PAGE_SIZES.flatMap((pageSize) => {
    const value = (name: string): bigint | undefined => readNumber(folder, `hugetlb.${pageSize}.${name}`);
    const usage = value("usage_in_bytes");
    if (usage === undefined) return [];
    return [{ usage, max: value("max_usage_in_bytes") ?? 0n, failcnt: value("failcnt") ?? 0n, pageSize }];
  });
}

type BlkioEntry = MessageOf<typeof blkioEntry>;

function blkioOf(folder: string): Readonly<Record<keyof typeof BLKIO, readonly BlkioEntry[]>> {
  const parts = Object.entries(BLKIO).map(([name, files]) => {
    const lines = files.map((file) => readLines(folder, file)).find((found) => found !== undefined) ?? [];
    return [name, lines.flatMap(parseBlkio)] as const;
  });
  return Object.fromEntries(parts) as Record<keyof typeof BLKIO, BlkioEntry[]>;
}

/** Lines like `8:0 Read 4096` or `8:0 4096`; the sum at the end is left out. */
function parseBlkio(line: string): BlkioEntry[] {
  const [, major, minor, op = "", value] = /^(\d+):(\d+)(?: ([A-Za-z]+))? (\d+)$/u.exec(line) ?? [];
  if (major === undefined || minor === undefined || value === undefined) return [];
  return [{ op, device: "", major: BigInt(major), minor: BigInt(minor), value: BigInt(value) }];
}
