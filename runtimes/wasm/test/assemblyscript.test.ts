import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { after, before, describe, it } from "node:test";
import { createEnclave, createPipe, readAll } from "./enclave.ts";

const require = createRequire(import.meta.url);

let directory = "";
let program = new Uint8Array(0);

before(() => {
  directory = mkdtempSync(join(tmpdir(), "runtime-wasm-"));
  // Not a .ts file where it lies: it is another language.
  copyFileSync(join(import.meta.dirname, "data", "words.assemblyscript"), join(directory, "words.ts"));
  const compiler = join(dirname(require.resolve("assemblyscript/package.json")), "bin", "asc.js");
  // Relative: the compiler takes the paths inside the configuration as relative to the path it was given.
  const shim = relative(directory, require.resolve("@assemblyscript/wasi-shim/asconfig.json"));
  execFileSync(process.execPath, [compiler, "words.ts", "--config", shim, "-O", "--outFile", "words.wasm"], {
    cwd: directory,
    stdio: ["ignore", "ignore", "inherit"],
  });
  program = new Uint8Array(readFileSync(join(directory, "words.wasm")));
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe("a program compiled from AssemblyScript", () => {
  it("reads files, stdin, arguments and environment, and exits", async () => {
    await using enclave = await createEnclave({ "/words.wasm": program, "/data/text": Buffer.from("one two three") });
    using input = createPipe();
    using output = createPipe();
    using errors = createPipe();
    const pid = await enclave.create("/words.wasm", {
      argv: ["words", "a b", "ä"],
      env: ["LANG=C.UTF-8"],
      stdio: { stdin: input.read, stdout: output.write, stderr: errors.write },
    });
    writeSync(input.write, "four five\n");
    input.close("write");
    assert.equal(await enclave.runtime.exec(pid), 3);
    output.close("write");
    errors.close("write");
    assert.deepEqual(readAll(output.read).split("\n"), [
      "open 0",
      "file 3",
      "stdin 2",
      "argument words",
      "argument a b",
      "argument ä",
      "LANG C.UTF-8",
      "random true, time true",
      "",
    ]);
    assert.equal(readAll(errors.read), "to stderr\n");
  });

  it("reports its own abort and ends with its status", async () => {
    await using enclave = await createEnclave({ "/words.wasm": program, "/data/text": Buffer.from("x") });
    using errors = createPipe();
    const status = await enclave.run("/words.wasm", {
      argv: ["words"],
      env: ["LANG=C"],
      stdio: { ...enclave.stdio, stderr: errors.write },
    });
    errors.close("write");
    assert.equal(status, 255);
    assert.match(readAll(errors.read), /no arguments/u);
  });
});
