import type { Output } from "./command.ts";

/** Prints rows in columns as wide as their widest cell; the first row is the heading. Plain text, no colour. */
export function printTable(output: Output, rows: readonly (readonly string[])[]): void {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, index) => (widths[index] = Math.max(widths[index] ?? 0, cell.length)));
  for (const row of rows) {
    output.write(
      `${row.map((cell, index) => (index === row.length - 1 ? cell : cell.padEnd(widths[index] ?? 0))).join("  ")}\n`,
    );
  }
}

/** Prints one JSON document, indented, for `-o json`. */
export function printJson(output: Output, value: unknown): void {
  output.write(`${JSON.stringify(value, undefined, 2)}\n`);
}
