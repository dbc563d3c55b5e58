const LEAST_WIDTH = 12;
const PADDING = 3;

/** A table as Go's tabwriter makes it for runc: cells at least 12 wide, 3 blanks between, nothing after the last. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(LEAST_WIDTH, ...rows.map((row) => (row[column] ?? "").length + PADDING)),
  );
  const format = (row: readonly string[]): string =>
    row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0))).join("");
  return rows.map((row) => `${format(row)}\n`).join("");
}
