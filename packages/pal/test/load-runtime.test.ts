import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { ErrorCode, InclavareError } from "@inclavare/errors";
import { type EnclaveRuntime, loadRuntime, type ProcessRequest } from "../src/index.ts";

const SUBJECT = join(import.meta.dirname, "subject.c");
const INCLUDE = join(import.meta.dirname, "..", "include");
const hasCompiler = spawnSync("cc", ["--version"]).status === 0;
const skip = hasCompiler ? false : "requires cc: no C compiler here";

let directory = "";
let compiled = 0;

function compile(...flags: string[]): string {
  compiled += 1;
  const library = join(directory, `libsubject-${compiled}.so`);
  const warnings = ["-Wall", "-Wextra", "-Werror"];
  execFileSync("cc", ["-shared", "-fPIC", "-pthread", ...warnings, `-I${INCLUDE}`, ...flags, "-o", library, SUBJECT]);
  return library;
}

function throwsCode(run: () => unknown, code: ErrorCode): void {
  assert.throws(run, { code });
}

before(() => {
  directory = mkdtempSync(join(tmpdir(), "pal-test-"));
});
after(() => rmSync(directory, { recursive: true, force: true }));

describe("loadRuntime", () => {
  it("makes built-in runtimes by name and knows no others", () => {
    const builtin = { name: "wasm" } as EnclaveRuntime;
    const builtins = new Map([["wasm", () => builtin]]);
    assert.equal(loadRuntime("wasm", builtins), builtin);
    throwsCode(() => loadRuntime("linux", builtins), "ERR_PAL_NOT_FOUND");
    throwsCode(() => loadRuntime("../wasm", builtins), "ERR_PAL_NOT_FOUND");
  });

  it("refuses what cannot be loaded", () => {
    throwsCode(() => loadRuntime(join(directory, "missing.so"), new Map()), "ERR_PAL_NOT_FOUND");
    const text = join(directory, "text.so");
    writeFileSync(text, "no library");
    throwsCode(() => loadRuntime(text, new Map()), "ERR_PAL_NOT_LIBRARY");
  });

  it("refuses versions that do not exist", { skip }, () => {
    for (const version of [4, 0, -1]) {
      throwsCode(() => loadRuntime(compile(`-DSUBJECT_VERSION=${version}`), new Map()), "ERR_PAL_VERSION");
    }
  });

  it("names the functions that are missing", { skip }, () => {
    const library = compile("-DSUBJECT_LACKS_KILL", "-DSUBJECT_LACKS_CREATE");
    assert.throws(() => loadRuntime(library, new Map()), {
      code: "ERR_PAL_SYMBOL",
      details: { missing: ["pal_create_process", "pal_kill"], version: 2 },
    });
  });

  it("compiles the header for every version", { skip }, () => {
    for (const version of [1, 2, 3]) {
      const source = join(directory, `header-${version}.c`);
      writeFileSync(source, `#define LIBERPAL_API_VERSION ${version}\n#include <stdio.h>\n#include "liberpal.h"\n`);
      execFileSync("cc", ["-fsyntax-only", "-std=c11", "-pedantic", "-Wall", "-Werror", `-I${INCLUDE}`, source]);
    }
  });
});

describe("a library of version 2", { skip }, () => {
  let runtime: EnclaveRuntime;
  let nothing = -1;
  let request: ProcessRequest;
  before(async () => {
    nothing = openSync("/dev/null", "r+");
    const stdio = { stdin: nothing, stdout: nothing, stderr: nothing };
    request = { path: "/count", argv: ["count"], env: [], stdio };
    runtime = loadRuntime(compile(), new Map());
    assert.equal(runtime.apiVersion, 2);
    await runtime.init({ args: "some args", logLevel: "debug" });
  });
  after(async () => {
    await runtime.destroy();
    closeSync(nothing);
  });
  const run = async (path: string, more: Partial<ProcessRequest> = {}): Promise<number> =>
    await runtime.exec(await runtime.createProcess({ ...request, path, ...more }));

  it("gets arguments and environment as they are, and the descriptors", async () => {
    const output = join(directory, "output");
    const stdout = openSync(output, "w");
    const argv = ["echo", "a b", "", "ä"];
    assert.equal(await run("/echo", { argv, env: ["A=1 2"], stdio: { ...request.stdio, stdout } }), 0);
    closeSync(stdout);
    assert.equal(readFileSync(output, "utf8"), "some args|<echo><a b><><ä>[A=1 2]");
  });

  it("gives exit codes", async () => {
    assert.equal(await run("/count", { argv: ["a", "b", "c"] }), 3);
    assert.equal(await run("/count", { argv: [] }), 0);
  });

  it("runs pal_exec on a thread that knows its stack, with room on it", async () => {
    assert.equal(await run("/deep"), 17);
  });

  it("runs more processes at a time than there are pool threads, and kills them meanwhile", async () => {
    const pids = await Promise.all(
      Array.from({ length: 6 }, () => runtime.createProcess({ ...request, path: "/wait" })),
    );
    const running = pids.map((pid) => runtime.exec(pid));
    const [first = -1] = pids;
    await runtime.kill(first, 10);
    assert.equal(await running[0], 138);
    await runtime.kill(-1, 9);
    assert.deepEqual(await Promise.all(running.slice(1)), [137, 137, 137, 137, 137]);
  });

  it("tells a failure with function and value", async () => {
    await assert.rejects(run("/missing"), {
      code: "ERR_PAL_CALL",
      details: { call: "pal_create_process", value: -2, errno: 0 },
    });
    await assert.rejects(run("/fail"), { code: "ERR_PAL_CALL", details: { call: "pal_exec", value: -5, errno: 0 } });
    await assert.rejects(runtime.kill(4711, 9), { code: "ERR_PAL_CALL" });
    await assert.rejects(run("/no-number"), { code: "ERR_PAL_CALL" });
  });

  it("refuses exit values that are none", async () => {
    await assert.rejects(run("/odd"), { code: "ERR_PAL_EXIT_VALUE" });
    await assert.rejects(run("/unwritten"), { code: "ERR_PAL_EXIT_VALUE" });
  });
});

describe("pal_init", { skip }, () => {
  it("fails for every value but 0, with the reason", async () => {
    for (const [args, value, pattern] of [
      ["fail-errno", -1, /failed with -1, errno EEXIST: file already exists$/u],
      ["fail-value", -13, /failed with -13, EACCES: permission denied$/u],
      ["fail-positive", 1, /failed with 1$/u],
    ] as const) {
      const runtime = loadRuntime(compile(), new Map());
      await assert.rejects(runtime.init({ args, logLevel: "info" }), (error: InclavareError) => {
        assert.equal(error.details["value"], value);
        assert.match(error.message, pattern);
        return true;
      });
    }
  });

  it("does not block the event loop", async () => {
    const runtime = loadRuntime(compile(), new Map());
    let ticks = 0;
    const timer = setInterval(() => (ticks += 1), 20);
    await runtime.init({ args: "slow", logLevel: "info" });
    clearInterval(timer);
    assert.ok(ticks >= 3);
  });
});
