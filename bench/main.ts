/** `make bench`: one table, ratios against peers measured in the same run. Sets no thresholds. */
import { printTable } from "../packages/cli/src/index.ts";
import { attestationRows } from "./attestation.ts";
import { containerRows } from "./containers.ts";
import { prepare } from "./prepare.ts";
import { programRows } from "./programs.ts";
import { quoteRows } from "./quotes.ts";
import type { Row } from "./sample.ts";
import { shimMemoryRows } from "./shim-memory.ts";
import { shimTimeRows } from "./shim-time.ts";
import { Workshop } from "./workshop.ts";

const HEAD: Row = { what: "what", subject: "ours", peer: "peer", ratio: "ratio", runs: 0, spread: "spread" };

function cells(row: Row): string[] {
  return [row.what, row.subject, row.peer, row.ratio, row === HEAD ? "runs" : String(row.runs), row.spread];
}

prepare();
const rows: Row[] = [];
{
  await using shop = new Workshop(process.env);
  await shop.open();
  for (const measure of [containerRows, shimTimeRows, shimMemoryRows, programRows, attestationRows, quoteRows]) {
    rows.push(...(await measure(shop)));
    process.stderr.write(`bench: ${rows.length} rows\n`);
  }
}
process.stdout.write(
  "\nMedians; ratio is ours over peer's time, unless the row says rate; spread is half the quartile distance.\n\n",
);
printTable(process.stdout, [HEAD, ...rows].map(cells));
