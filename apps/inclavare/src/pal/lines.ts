import type { CheckResult } from "@inclavare/pal";

/** What a probe tells: one line each, on descriptor 3. */
export type ProbeLine =
  | { readonly kind: "call"; readonly name: string; readonly event: "begins" | "ends" }
  | { readonly kind: "result"; readonly result: CheckResult }
  /** Written by the signal handler of the binding, as plain text: no JSON can be made there. */
  | { readonly kind: "crash"; readonly call: string };

export const PROBE_DESCRIPTOR = 3;

const CRASH = /^signal \d+ in (\w+)$/u;

export function formatProbeLine(line: ProbeLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** undefined for what is no line of a probe's: the library under check can write to any descriptor. */
export function parseProbeLine(text: string): ProbeLine | undefined {
  const call = CRASH.exec(text)?.[1];
  if (call !== undefined) return { kind: "crash", call };
  try {
    const line = JSON.parse(text) as ProbeLine | null;
    return line?.kind === "call" || line?.kind === "result" ? line : undefined;
  } catch {
    return undefined;
  }
}
