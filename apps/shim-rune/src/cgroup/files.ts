/** Reading the files of cgroups. Whatever is missing is undefined: not every kernel has every file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Of huge pages, as the kernel's files are called on the processors that we run on. */
export const PAGE_SIZES = ["64KB", "2MB", "32MB", "1GB"] as const;
const UNLIMITED = 2n ** 64n - 1n;

export function readLines(folder: string, name: string): readonly string[] | undefined {
  try {
    return readFileSync(join(folder, name), "utf8")
      .split("\n")
      .filter((line) => line !== "");
  } catch {
    return undefined;
  }
}

/** A number, or `max`. */
export function readNumber(folder: string, name: string): bigint | undefined {
  return parseNumber(readLines(folder, name)?.[0]);
}

export function parseNumber(text: string | undefined): bigint | undefined {
  if (text === "max") return UNLIMITED;
  return text !== undefined && /^\d+$/u.test(text) ? BigInt(text) : undefined;
}

/** Lines of a word and a number. */
export function readTable(folder: string, name: string): ReadonlyMap<string, bigint> | undefined {
  const lines = readLines(folder, name);
  return lines && new Map(lines.flatMap((line) => pair(line, " ")));
}

export function pair(text: string, between: string): [string, bigint][] {
  const [key = "", value] = text.split(between, 2);
  const number = parseNumber(value);
  return number === undefined ? [] : [[key, number]];
}
