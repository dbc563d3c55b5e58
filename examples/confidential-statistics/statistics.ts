/**
 * Statistics over a confidential table: for each column of numbers, how many there are, their mean and their spread.
 * The table is a secret: it reaches this program only in an enclave that its owner has accepted, as the file that the
 * variable TABLE names. Only aggregates are printed, and none over fewer than three rows.
 */
import { readText } from "./files";

const FEWEST_ROWS: i32 = 3;

function column(rows: string[][], index: i32): f64[] {
  const values: f64[] = [];
  for (let i = 1; i < rows.length; i++) {
    if (index >= rows[i].length) continue;
    const value = parseFloat(rows[i][index]);
    if (!isNaN(value)) values.push(value);
  }
  return values;
}

function mean(values: f64[]): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < values.length; i++) sum += values[i];
  return sum / <f64>values.length;
}

function deviation(values: f64[], center: f64): f64 {
  let sum: f64 = 0;
  for (let i = 0; i < values.length; i++) sum += (values[i] - center) * (values[i] - center);
  return Math.sqrt(sum / <f64>(values.length - 1));
}

function rounded(value: f64): string {
  return (Math.round(value * 100) / 100).toString();
}

function pad(text: string, width: i32): string {
  return text.padEnd(width);
}

const table = process.env.has("TABLE") ? process.env.get("TABLE") : "/secrets/table.csv";
const rows = readText(table)
  .split("\n")
  .filter((line) => line.length > 0)
  .map<string[]>((line) => line.split(","));

process.stdout.write(pad("column", 16) + pad("rows", 6) + pad("mean", 10) + "deviation\n");
for (let index = 0; index < rows[0].length; index++) {
  const values = column(rows, index);
  if (values.length == 0) continue;
  if (values.length < FEWEST_ROWS) {
    process.stdout.write(pad(rows[0][index], 16) + pad(values.length.toString(), 6) + "too few to tell\n");
    continue;
  }
  const center = mean(values);
  process.stdout.write(
    pad(rows[0][index], 16) +
      pad(values.length.toString(), 6) +
      pad(rounded(center), 10) +
      rounded(deviation(values, center)) +
      "\n",
  );
}
