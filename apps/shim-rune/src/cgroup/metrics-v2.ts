/** io.containerd.cgroups.v2.Metrics, from the files of one folder. Pressure (psi) is left out. */
import { message, nested, repeated, text, uint64 } from "@inclavare/ttrpc";
import { counterFields, counters, pick } from "./fields.ts";
import { pair, parseNumber, readLines, readNumber, readTable } from "./files.ts";

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
const metrics = message({
  pids: nested(1, counters(["current", "limit"])),
  cpu: nested(2, message({ ...counterFields(CPU), ...counterFields(BURST, 8) })),
  memory: nested(4, message({ ...counterFields(MEMORY), ...counterFields(LIMITS, 32) })),
  io: nested(6, message({ usage: repeated(nested(1, counters(IO))) })),
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
    cpu: cpu && { ...pick(CPU, cpu), ...pick(BURST, cpu) },
    memory: memory && { ...pick(MEMORY, memory), ...pick(LIMITS, limits) },
    io: { usage: (readLines(folder, "io.stat") ?? []).flatMap(parseIo) },
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

const PAGE_SIZES = ["64KB", "2MB", "32MB", "1GB"];

function hugetlbOf(folder: string) {
  return PAGE_SIZES.flatMap((pageSize) => {
    const current = readNumber(folder, `hugetlb.${pageSize}.current`);
    if (current === undefined) return [];
    const max = readNumber(folder, `hugetlb.${pageSize}.max`) ?? 0n;
    const failcnt = readTable(folder, `hugetlb.${pageSize}.events`)?.get("max") ?? 0n;
    return [{ current, max, pageSize, failcnt }];
  });
}
