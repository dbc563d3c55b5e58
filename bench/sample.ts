/** Timing by ratio: subject and peer take turns in the same run, so that what disturbs one disturbs the other. */

/** One line of the table: a ratio of medians, how many runs stand behind it, and how far they lie apart. */
export interface Row {
  readonly what: string;
  readonly subject: string;
  readonly peer: string;
  /** Subject over peer; above 1 is slower, unless the row says `rate`. */
  readonly ratio: string;
  readonly runs: number;
  /** Half the distance between the quartiles, as a share of the median, of subject and of peer. */
  readonly spread: string;
}

/** Runs `subject` and `peer` in turn; each returns how many seconds it took. */
export async function compare(
  what: string,
  runs: number,
  subject: () => Promise<number> | number,
  peer: () => Promise<number> | number,
): Promise<Row> {
  const [ours, theirs]: [number[], number[]] = [[], []];
  await subject();
  await peer();
  for (let run = 0; run < runs; run++) {
    ours.push(await subject());
    theirs.push(await peer());
  }
  const ratio = median(ours) / median(theirs);
  return {
    what,
    subject: formatSeconds(median(ours)),
    peer: formatSeconds(median(theirs)),
    ratio: ratio.toFixed(2),
    runs,
    spread: `±${spread(ours)} / ±${spread(theirs)}`,
  };
}

/** A row that could not be measured here, with the reason. */
export function absent(what: string, reason: string): Row {
  return { what, subject: reason, peer: "-", ratio: "-", runs: 0, spread: "-" };
}

/** Seconds that `action` takes, by the monotonic clock. */
export async function secondsOf(action: () => unknown): Promise<number> {
  const startedAt = performance.now();
  await action();
  return (performance.now() - startedAt) / 1000;
}

/**
 * Seconds of processor time of this process, all threads, that `action` takes: for what has both ends in the process, steadier
 * than the clock on the wall, which also counts whoever else runs on the machine.
 */
export async function cpuSecondsOf(action: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? Number.NaN;
}

function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

function spread(values: readonly number[]): string {
  return `${Math.round((50 * (quantile(values, 0.75) - quantile(values, 0.25))) / median(values))} %`;
}

function formatSeconds(seconds: number): string {
  if (seconds < 1e-3) return `${(seconds * 1e6).toFixed(0)} µs`;
  return seconds < 1 ? `${(seconds * 1e3).toFixed(1)} ms` : `${seconds.toFixed(2)} s`;
}
