/** io.containerd.cgroups.v2.Metrics, from the files of one folder. */
import { double, message, nested, repeated, text, uint64 } from "@inclavare/ttrpc";
import { counterFields, counters, pick } from "./fields.ts";
import { PAGE_SIZES, pair, parseNumber, readLines, readNumber, readTable } from "./files.ts";

const CPU = ["usage_usec", "user_usec", "system_usec", "nr_periods", "nr_throttled", "throttled_usec"] as const;
const BURST = ["nr_bursts", "burst_usec"] as const;
/** The kernel's names in memory.stat, in the order of their numbers. */
const MEMORY = (
  "anon file kernel_stack slab sock shmem file_mapped file_dirty file_writeback anon_thp inactive_anon active_anon " +
  "inactive_file active_file unevictable slab_reclaimable slab_unreclaimable pgfault pgmajfault workingset_refault " +
  "workingset_activate workingset_nodereclaim pgrefill pgscan pgsteal pgactivate pgdeactivate pglazyfree pglazyfreed " +
  "thp_fault_alloc thp_collapse_alloc"
).split(" ");
const LIMITS = ["usage", "usageLimit", "swapUsage", "swapLimit", "maxUsage", "swapMaxUsage"] as const;
const LIMIT_FILES: Readonly<Record<(typeof LIMITS)[number], string>> = {
  usage: "memory.current",
  usageLimit: "memory.max",
  swapUsage: "memory.swap.current",
  swapLimit: "memory.swap.max",
  maxUsage: "memory.peak",
  swapMaxUsage: "memory.swap.peak",
};
const EVENTS = ["low", "high", "max", "oom", "oom_kill", "oom_group_kill"] as const;
const IO = ["major", "minor", "rbytes", "wbytes", "rios", "wios"] as const;

const hugetlb = message({ current: uint64(1), max: uint64(2), pageSize: text(3), failcnt: uint64(4) });
/** Pressure stall information: shares of time in percent, and microseconds in all. */
const pressure = message({ avg10: double(1), avg60: double(2), avg300: double(3), total: uint64(4) });
const psi = message({ some: nested(1, pressure), full: nested(2, pressure) });
const metrics = message({
  pids: nested(1, counters(["current", "limit"])),
  cpu: nested(2, message({ ...counterFields(CPU), psi: nested(7, psi), ...counterFields(BURST, 8) })),
  memory: nested(4, message({ ...counterFields(MEMORY), ...counterFields(LIMITS, 32), psi: nested(38, psi) })),
  io: nested(6, message({ usage: repeated(nested(1, counters(IO))), psi: nested(2, psi) })),
  hugetlb: repeated(nested(7, hugetlb)),
  memoryEvents: nested(8, counters(EVENTS)),
});

export const METRICS_V2_TYPE = "io.containerd.cgroups.v2.Metrics";

/** Files that are missing leave their numbers at 0, as if they were left out. */
export function encodeMetricsV2(folder: string): Uint8Array {
  const cpu = readTable(folder, "cpu.stat");
  const memory = readTable(folder, "memory.stat");
  const limits = new Map(LIMITS.map((name) => [name as string, readNumber(folder, LIMIT_FILES[name]) ?? 0n] as const));
  return metrics.encode({
    pids: { current: readNumber(folder, "pids.current") ?? 0n, limit: readNumber(folder, "pids.max") ?? 0n },
    cpu: cpu && { ...pick(CPU, cpu), psi: pressureOf(folder, "cpu"), ...pick(BURST, cpu) },
    memory: memory && { ...pick(MEMORY, memory), ...pick(LIMITS, limits), psi: pressureOf(folder, "memory") },
    io: { usage: (readLines(folder, "io.stat") ?? []).flatMap(parseIo), psi: pressureOf(folder, "io") },
    hugetlb: hugetlbOf(folder),
    memoryEvents: pick(EVENTS, readTable(folder, "memory.events")),
  });
}

/** A line like `8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6`. */
function parseIo(line: string) {
  const [device = "", ...words] = line.split(" ");
  const [major, minor] = device.split(":").map(parseNumber);
  if (major === undefined || minor === undefined) return [];
  const table = new Map([["major", major], ["minor", minor], ...words.flatMap((word) => pair(word, "="))]);
  return [pick(IO, table)];
}

/** Lines like `some avg10=0.00 avg60=0.12 avg300=0.05 total=1234`; undefined where the kernel does not keep them. */
function pressureOf(folder: string, resource: string) {
  const lines = readLines(folder, `${resource}.pressure`);
  if (lines === undefined) return undefined;
  const [some, full] = ["some", "full"].map((word) => parsePressure(lines.find((line) => line.startsWith(`${word} `))));
  return { some, full };
}

function parsePressure(line: string | undefined) {
  if (line === undefined) return undefined;
  const table = new Map(line.split(" ").map((word) => word.split("=", 2) as [string, string | undefined]));
  const [avg10 = 0, avg60 = 0, avg300 = 0] = ["avg10", "avg60", "avg300"].map((name) => Number(table.get(name) ?? 0));
  return { avg10, avg60, avg300, total: parseNumber(table.get("total")) ?? 0n };
}

function hugetlbOf(folder: string) {
  return PAGE_SIZES.flatMap((pageSize) => {
    const current = readNumber(folder, `hugetlb.${pageSize}.current`);
    if (current === undefined) return [];
    const max = readNumber(folder, `hugetlb.${pageSize}.max`) ?? 0n;
    const failcnt = readTable(folder, `hugetlb.${pageSize}.events`)?.get("max") ?? 0n;
    return [{ current, max, pageSize, failcnt }];
  });
}
