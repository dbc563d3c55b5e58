/** Writes docs/errors.md from the table of codes; with `--check` it only says whether the file is current. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ERROR_CODES,
  type ErrorCode,
  InclavareError,
  toExitCode,
  toHttpProblem,
} from "../packages/errors/src/index.ts";

const path = join(import.meta.dirname, "..", "docs", "errors.md");
const rows = (Object.keys(ERROR_CODES) as ErrorCode[]).toSorted().map((code) => {
  const { kind, summary } = ERROR_CODES[code];
  const error = new InclavareError(code, "");
  return `| \`${code}\` | ${kind} | ${toExitCode(error)} | ${toHttpProblem(error).status} | ${summary} |`;
});
const text = `# Errors

Every error has one of these codes. A code never changes its meaning and is never used again for another. The kind is one
of containerd's error categories; exit is the status of a command that ends with the error, HTTP the status of an answer.
This page is generated from \`packages/errors/src/codes/\` by \`tools/errors-doc.ts\`.

| code | kind | exit | HTTP | when |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;

if (process.argv.includes("--check")) {
  const current = existsSync(path) && readFileSync(path, "utf8") === text;
  console.error(
    current
      ? `docs/errors.md: current, ${rows.length} codes`
      : "docs/errors.md is not current: run node tools/errors-doc.ts",
  );
  process.exit(current ? 0 : 1);
}
writeFileSync(path, text);
