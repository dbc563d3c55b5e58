import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { rolldown } from "rolldown";

const root = join(import.meta.dirname, "..", "..");
const vectors = join(root, "test", "vectors", "dcap");
const directory = mkdtempSync(join(tmpdir(), "inclavare-verify-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** What the library is made of: itself, what it imports of ours, and two libraries of others. */
const PARTS =
  /^(?:examples\/verify-tdx-quote|packages\/(?:attestation|sgx|x509|errors)\/src|node_modules\/(?:valibot|cborg))\//u;

const file = join(directory, "verify.mjs");
const bundle = await rolldown({ input: join(import.meta.dirname, "verify.ts"), platform: "node" });
const { output } = await bundle.write({ file, format: "esm", codeSplitting: false });
await bundle.close();

function run(
  quote: string,
  collateral: string,
  time: string,
): { status: number | null; stdout: string; stderr: string } {
  const paths = [join(vectors, quote), join(vectors, collateral)];
  return spawnSync(process.execPath, [file, ...paths, time], { cwd: directory, encoding: "utf8" });
}

describe("the verifier in one file", () => {
  it("is the library and what it imports, and nothing else", () => {
    const [chunk, ...others] = output;
    assert.equal(others.length, 0);
    const modules = chunk.moduleIds.filter((id) => !id.startsWith("\0")).map((id) => id.replace(`${root}/`, ""));
    assert.ok(modules.some((id) => id.startsWith("packages/attestation/src/tdx/")));
    assert.deepEqual(
      modules.filter((id) => !PARTS.test(id)),
      [],
    );
    const imports = chunk.imports.filter((name) => !name.startsWith("node:"));
    assert.deepEqual(imports, [], "everything else is Node.js");
  });

  it("is ten lines of code", () => {
    const source = readFileSync(join(import.meta.dirname, "verify.ts"), "utf8");
    assert.equal(source.split("\n").filter((line) => line !== "" && !line.startsWith("/**")).length, 10);
  });

  it("verifies a recorded quote", () => {
    const { status, stdout, stderr } = run("tdx-01.quote.bin", "tdx-01.collateral.json", "2025-07-04T00:00:00Z");
    assert.equal(status, 0, stderr);
    const { measurement, tcb } = JSON.parse(stdout) as {
      measurement: { tee: string; debug: boolean };
      tcb: { status: string };
    };
    assert.deepEqual([measurement.tee, measurement.debug, tcb.status], ["tdx", false, "UpToDate"]);
  });

  it("refuses it with a code past its collateral's date, and with another platform's collateral", () => {
    const late = run("tdx-01.quote.bin", "tdx-01.collateral.json", "2025-09-02T00:00:00Z");
    assert.deepEqual([late.status, late.stdout], [1, ""]);
    assert.match(late.stderr, /ERR_COLLATERAL_EXPIRED/u);
    const other = run("tdx-01.quote.bin", "tdx-04.collateral.json", "2025-10-25T00:00:00Z");
    assert.match(other.stderr, /ERR_/u);
    assert.equal(other.status, 1);
  });
});
