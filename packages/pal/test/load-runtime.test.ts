import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { ErrorCode } from "@inclavare/errors";
import { type EnclaveRuntime, loadRuntime } from "../src/index.ts";
import { runChild } from "./child.ts";
import { INCLUDE, NOTHING, skeleton, skip, VERSIONS, Workshop } from "./support.ts";

let workshop: Workshop;
before(() => {
  workshop = new Workshop();
});
after(() => workshop[Symbol.dispose]());

function throwsCode(path: string, code: ErrorCode): void {
  assert.throws(() => loadRuntime(path, new Map()), { code });
}

describe("loadRuntime", () => {
  it("makes built-in runtimes by name and knows no others", () => {
    const builtin = { name: "wasm" } as EnclaveRuntime;
    const builtins = new Map([["wasm", () => builtin]]);
    assert.equal(loadRuntime("wasm", builtins), builtin);
    for (const name of ["linux", "../wasm", ""]) {
      assert.throws(() => loadRuntime(name, builtins), { code: "ERR_PAL_NOT_FOUND" });
    }
  });
});

describe("loadRuntime of a library", { skip }, () => {
  it("takes its version from it", () => {
    for (const version of VERSIONS) {
      const runtime = loadRuntime(skeleton(version), new Map());
      assert.equal(runtime.apiVersion, version);
      assert.equal(runtime.getLocalReport !== undefined, version === 3);
    }
  });

  it("refuses what is not there, no library, or for another machine", () => {
    throwsCode(workshop.path("missing.so"), "ERR_PAL_NOT_FOUND");
    throwsCode("/", "ERR_PAL_NOT_LIBRARY");
    const file = workshop.path("file.so");
    writeFileSync(file, "no library");
    throwsCode(file, "ERR_PAL_NOT_LIBRARY");
    const bytes = readFileSync(skeleton(2));
    const machineAt = 18;
    bytes.writeUInt16LE(243, machineAt);
    writeFileSync(file, bytes);
    throwsCode(file, "ERR_PAL_ARCHITECTURE");
  });

  it("says what the library needs and does not find", () => {
    const needed = workshop.compile("int needed(void) { return 0; }", { name: "libneeded.so" });
    const flags = ["-Wl,--no-as-needed", `-L${workshop.directory}`, "-lneeded"];
    const library = workshop.compile(NOTHING, { flags });
    rmSync(needed);
    assert.throws(() => loadRuntime(library, new Map()), { code: "ERR_PAL_LOAD", message: /libneeded\.so/u });
    const undefinedSymbol = workshop.compile(`${NOTHING} int nowhere(void); int use(void) { return nowhere(); }`);
    assert.throws(() => loadRuntime(undefinedSymbol, new Map()), { code: "ERR_PAL_LOAD", message: /nowhere/u });
  });

  it("names every function that is missing, by version", () => {
    for (const [version, flags, missing] of [
      [1, ["-DLACKS_VERSION", "-DLACKS_EXEC", "-DLACKS_DESTROY"], ["pal_exec", "pal_destroy"]],
      [2, ["-DLIBERPAL_API_VERSION=2", "-DLACKS_CREATE", "-DLACKS_KILL"], ["pal_create_process", "pal_kill"]],
      [3, ["-DLIBERPAL_API_VERSION=3", "-DLACKS_INIT"], ["pal_init", "pal_get_local_report"]],
    ] as const) {
      const library = workshop.compile(NOTHING, { flags });
      assert.throws(() => loadRuntime(library, new Map()), {
        code: "ERR_PAL_SYMBOL",
        details: { missing, version },
      });
    }
  });

  it("refuses versions that do not exist", () => {
    for (const version of [0, 4, -1, 0x7fff_ffff]) {
      const library = workshop.compile(NOTHING.replace("return LIBERPAL_API_VERSION", `return ${version}`));
      assert.throws(() => loadRuntime(library, new Map()), { code: "ERR_PAL_VERSION", details: { version } });
    }
  });

  it("does not wait for a library that never gets ready, or never says its version", () => {
    const deadlinesMs = { dlopen: 200, pal_get_version: 100 };
    const hanging = NOTHING.replace("return LIBERPAL_API_VERSION", "for (;;) pause()");
    assert.throws(() => loadRuntime(workshop.compile(hanging), new Map(), { deadlinesMs }), {
      code: "ERR_DEADLINE",
      details: { call: "pal_get_version" },
    });
    // In a process of its own: whoever is in dlopen has the loader's lock.
    const constructor = `${NOTHING} __attribute__((constructor)) static void begin(void) { for (;;) pause(); }`;
    const { stdout } = runChild({ library: workshop.compile(constructor), deadlinesMs });
    assert.match(stdout, /^ERR_DEADLINE dlopen of .* did not return within 0\.2 s$/mu);
  });
});

describe("liberpal.h", { skip }, () => {
  const flags = ["-fsyntax-only", "-pedantic", "-Wall", "-Wextra", "-Werror", `-I${INCLUDE}`];
  /** A path where there is a compiler for C++, and a bare name where there is none. */
  const cxx = execFileSync("cc", ["-print-prog-name=cc1plus"], { encoding: "utf8" });

  function header(version: number): string {
    const source = workshop.path(`header-${version}.c`);
    writeFileSync(source, `#define LIBERPAL_API_VERSION ${version}\n#include "liberpal.h"\n`);
    return source;
  }

  it("compiles alone in C, for every version, and beside stdio.h", () => {
    for (const version of VERSIONS) {
      for (const before of [[], ["-include", "stdio.h"]]) {
        execFileSync("cc", [...flags, "-std=c11", ...before, header(version)]);
      }
    }
  });

  it("compiles in C++", { skip: cxx.startsWith("/") ? false : "requires g++: no compiler for C++ here" }, () => {
    for (const version of VERSIONS) execFileSync("cc", [...flags, "-std=c++11", "-x", "c++", header(version)]);
  });

  it("is refused for a version that does not exist", () => {
    assert.throws(() => execFileSync("cc", [...flags, header(4)], { stdio: "ignore" }));
  });
});
