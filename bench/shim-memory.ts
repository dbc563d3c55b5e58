/** Rows for what shims hold: all shims of a number of running containers together, ours beside containerd's own. */
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ShimBed } from "../test/support/shim-bed.ts";
import { absent, type Row } from "./sample.ts";

const RUNTIMES = ["io.containerd.rune.v2", "io.containerd.runc.v2"] as const;
const COUNTS = [1, 10, 30];
/** From the last start to the calm in which our shim gives memory back. */
const CALM_MS = 5_000;

/** In KiB. */
export interface Memory {
  /** A page that n processes share counts as one n-th. */
  readonly pss: number;
  /** Only what nobody shares. */
  readonly uss: number;
}

/** What processes hold together; one that has ended holds nothing. */
export function memoryOf(pids: readonly number[]): Memory {
  let [pss, uss] = [0, 0];
  for (const pid of pids) {
    const text = readText(`/proc/${pid}/smaps_rollup`);
    const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "mu").exec(text)?.[1] ?? 0);
    pss += kib("Pss");
    uss += kib("Private_Clean") + kib("Private_Dirty");
  }
  return { pss, uss };
}

export async function shimMemoryRows(): Promise<Row[]> {
  const title = (count: number): string =>
    `PSS (and USS) of the shims of ${count} running containers, each in a pod of its own`;
  if (!existsSync("/usr/bin/containerd")) return COUNTS.map((count) => absent(title(count), "no containerd"));
  const [ours, theirs] = [await measure(RUNTIMES[0]), await measure(RUNTIMES[1])];
  return COUNTS.map((count, index) => {
    const [subject, peer] = [ours[index], theirs[index]];
    if (subject === undefined || peer === undefined) return absent(title(count), "not measured");
    const ratio = (subject.pss / peer.pss).toFixed(2);
    return { what: title(count), subject: format(subject), peer: format(peer), ratio, runs: 1, spread: "-" };
  });
}

/** One after the other, so that neither shares pages with what the other one brought. */
async function measure(runtime: string): Promise<Memory[]> {
  const bed = await ShimBed.start("memory");
  const memory: Memory[] = [];
  try {
    for (let made = 0; made < Math.max(...COUNTS);) {
      const id = `c${(made += 1)}`;
      const flags = ["--detach", "--null-io", "--runtime", runtime, "--rootfs", bed.rootfs];
      const { status, stderr } = bed.ctr("run", ...flags, id, "/bin/sleep", "1000");
      if (status !== 0) throw new Error(stderr);
      if (!COUNTS.includes(made)) continue;
      await sleep(CALM_MS);
      memory.push(memoryOf(bed.shims()));
    }
    return memory;
  } finally {
    await bed.close();
  }
}

function format({ pss, uss }: Memory): string {
  return `${(pss / 1024).toFixed(1)} MB (${(uss / 1024).toFixed(1)})`;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
