/** Rows for what containers cost under containerd: our shim beside containerd's own, in the same containerd. */
import { existsSync } from "node:fs";
import { ShimBed } from "../test/support/shim-bed.ts";
import { absent, compare, type Row, secondsOf } from "./sample.ts";

const OURS = "io.containerd.rune.v2";
const THEIRS = "io.containerd.runc.v2";
const RUNS = 20;
const BATCHES = 3;
const BATCH = 50;
const IN_FLIGHT = 4;

const TITLES = {
  run: "`ctr run --rm` of busybox true: io.containerd.rune.v2 / io.containerd.runc.v2",
  batch: `${BATCH} containers run and removed, ${IN_FLIGHT} in flight`,
  exec: "`ctr task exec` of busybox true",
} as const;

export async function shimTimeRows(): Promise<Row[]> {
  if (!existsSync("/usr/bin/containerd")) return Object.values(TITLES).map((title) => absent(title, "no containerd"));
  const bed = await ShimBed.start("time");
  try {
    return [
      await compare(
        TITLES.run,
        RUNS,
        () => run(bed, OURS),
        () => run(bed, THEIRS),
      ),
      await compare(
        TITLES.batch,
        BATCHES,
        () => batch(bed, OURS),
        () => batch(bed, THEIRS),
      ),
      await execRow(bed),
    ];
  } finally {
    await bed.close();
  }
}

let count = 0;

function runArgs(bed: ShimBed, runtime: string, ...flags: readonly string[]): string[] {
  return ["run", ...flags, "--null-io", "--runtime", runtime, "--rootfs", bed.rootfs, `c${(count += 1)}`];
}

async function must(bed: ShimBed, ...args: readonly string[]): Promise<void> {
  const { status, stderr } = await bed.run(args);
  if (status !== 0) throw new Error(`ctr ${args.join(" ")}: ${stderr}`);
}

async function run(bed: ShimBed, runtime: string): Promise<number> {
  return await secondsOf(async () => await must(bed, ...runArgs(bed, runtime, "--rm"), "/bin/true"));
}

async function batch(bed: ShimBed, runtime: string): Promise<number> {
  let left = BATCH;
  const worker = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      await run(bed, runtime);
    }
  };
  return await secondsOf(async () => await Promise.all(Array.from({ length: IN_FLIGHT }, worker)));
}

/** Both containers run at once; each takes its turn to be entered. */
async function execRow(bed: ShimBed): Promise<Row> {
  const start = async (runtime: string): Promise<string> => {
    const args = runArgs(bed, runtime, "--detach");
    await must(bed, ...args, "/bin/sleep", "1000");
    return args.at(-1) ?? "";
  };
  const [ours, theirs] = [await start(OURS), await start(THEIRS)];
  const exec = async (id: string): Promise<number> =>
    await secondsOf(
      async () =>
        await must(bed, "task", "exec", ...bed.containerd.fifoFlags, "--exec-id", `e${(count += 1)}`, id, "/bin/true"),
    );
  return await compare(
    TITLES.exec,
    RUNS,
    () => exec(ours),
    () => exec(theirs),
  );
}
