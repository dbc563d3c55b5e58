import assert from "node:assert/strict";
import { readdirSync, readFileSync, readSync, writeSync } from "node:fs";
import { afterEach, beforeEach, describe, it } from "node:test";
import type { ErrorCode } from "@inclavare/errors";
import { createWasmRuntime } from "../src/index.ts";
import {
  createEnclave,
  createPipe,
  createSocketPair,
  createTerminal,
  imageOf,
  MAX_MEMORY_BYTES,
  readAll,
  type TestEnclave,
} from "./enclave.ts";
import { assemble, BAD_PROGRAMS, PROGRAMS } from "./programs.ts";

const images = Object.fromEntries(Object.entries(PROGRAMS).map(([name, bytes]) => [`/${name}.wasm`, bytes]));
const bad = Object.fromEntries(Object.entries(BAD_PROGRAMS).map(([name, bytes]) => [`/bad/${name}`, bytes]));

let enclave: TestEnclave;
beforeEach(async () => {
  enclave = await createEnclave({ ...images, ...bad, "/app": "directory", "/link": { target: "/exit7.wasm" } });
});
afterEach(async () => await enclave[Symbol.asyncDispose]());

function rejects(promise: Promise<unknown>, code: ErrorCode): Promise<void> {
  return assert.rejects(promise, { code });
}

/** Resolves a little later, when a guest has come to where it waits. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 150);
  });
}

describe("exec", () => {
  it("gives the exit code", async () => {
    assert.equal(await enclave.run("/nothing.wasm"), 0);
    assert.equal(await enclave.run("/exit7.wasm"), 7);
    assert.equal(await enclave.run("/exit256.wasm"), 0);
    assert.equal(await enclave.run("/link"), 7);
    assert.equal(await enclave.run("/countArguments.wasm", { argv: ["a", "b c", ""] }), 3);
  });

  it("finds a program by PATH and by the working directory", async () => {
    assert.equal(await enclave.run("exit7.wasm", { env: ["PATH=/app:/"] }), 7);
    assert.equal(await enclave.run("../exit7.wasm", { cwd: "/app" }), 7);
    await rejects(enclave.run("exit7.wasm", { env: [] }), "ERR_WASM_PROGRAM");
  });

  it("writes to the container's stdout and reads its stdin", async () => {
    using input = createPipe();
    using output = createPipe();
    const pid = await enclave.create("/cat.wasm", { stdio: { stdin: input.read, stdout: output.write, stderr: 2 } });
    const running = enclave.runtime.exec(pid);
    writeSync(input.write, "first ");
    await settle();
    writeSync(input.write, "second");
    input.close("write");
    assert.equal(await running, 0);
    output.close("write");
    assert.equal(readAll(output.read), "first second");
  });

  it("cannot leave its own exit by catching it", async () => {
    assert.equal(await enclave.run("/catchExit.wasm"), 5);
  });

  it("keeps a process out of the image and in its memory mounts, each in its own", async () => {
    // 69 is ROFS; the first creation would fail with 20 (EXIST) if processes shared a mount.
    assert.equal(await enclave.run("/create.wasm"), 69);
    assert.equal(await enclave.run("/create.wasm"), 69);
  });

  it("reports a trap in one line on stderr, with status 134 and the reason", async () => {
    for (const [name, pattern] of [
      ["unreachable", /unreachable instruction executed in function \d+ at 0x[0-9a-f]+$/u],
      ["outOfBounds", /memory access out of bounds/u],
      ["divide", /divide by zero/u],
      ["recurse", /call stack exhausted/u],
      ["uncaught", /uncaught exception|wasm exception/u],
    ] as const) {
      using errors = createPipe();
      const status = await enclave.run(`/${name}.wasm`, { stdio: { ...enclave.stdio, stderr: errors.write } });
      errors.close("write");
      assert.equal(status, 134);
      const text = readAll(errors.read);
      assert.match(text, new RegExp(`^/${name}\\.wasm: trap: [^\\n]*\\n$`, "u"));
      const outcome = enclave.ends.at(-1)?.outcome;
      assert.equal(outcome?.kind, "trapped");
      assert.match(outcome.reason, pattern);
    }
  });

  it("bounds memory: growing fails at the limit", async () => {
    assert.equal(await enclave.run("/grow.wasm"), MAX_MEMORY_BYTES / 65536);
  });

  it("ends with an error number when nobody reads", async () => {
    using output = createPipe();
    output.close("read");
    const status = await enclave.run("/flood.wasm", { stdio: { ...enclave.stdio, stdout: output.write } });
    assert.equal(status, 64);
  });

  it("runs several at a time, up to the bound", async () => {
    const pids = await Promise.all(Array.from({ length: 8 }, () => enclave.create("/exit7.wasm")));
    assert.equal(new Set(pids).size, 8);
    await rejects(enclave.create("/exit7.wasm"), "ERR_WASM_PROCESSES");
    const statuses = await Promise.all(pids.map((pid) => enclave.runtime.exec(pid)));
    assert.deepEqual(new Set(statuses), new Set([7]));
    assert.equal(await enclave.run("/exit7.wasm"), 7);
  });

  it("runs a process once", async () => {
    const pid = await enclave.create("/exit7.wasm");
    const first = enclave.runtime.exec(pid);
    await rejects(enclave.runtime.exec(pid), "ERR_WASM_STATE");
    assert.equal(await first, 7);
    await rejects(enclave.runtime.exec(pid), "ERR_WASM_NO_PROCESS");
  });
});

describe("standard streams", () => {
  it("are sockets as well as pipes", async () => {
    using sockets = createSocketPair();
    const stdio = { stdin: sockets.write, stdout: sockets.write, stderr: 2 };
    const pid = await enclave.create("/cat.wasm", { stdio });
    const running = enclave.runtime.exec(pid);
    writeSync(sockets.read, "through a socket");
    const answer = Buffer.alloc(100);
    assert.equal(readSync(sockets.read, answer), 16);
    assert.equal(answer.toString("utf8", 0, 16), "through a socket");
    await enclave.runtime.kill(pid, 2);
    assert.equal(await running, 130);
  });

  it("are a terminal", async () => {
    using terminal = createTerminal();
    const stdio = { stdin: terminal.write, stdout: terminal.write, stderr: terminal.write };
    const pid = await enclave.create("/cat.wasm", { stdio });
    const running = enclave.runtime.exec(pid);
    writeSync(terminal.read, "line\n\u0004");
    assert.equal(await running, 0);
    const shown = Buffer.alloc(100);
    const count = readSync(terminal.read, shown);
    assert.match(shown.toString("utf8", 0, count), /^line\r\n/u);
  });

  it("do not become non-blocking for those who share them", async () => {
    using input = createPipe();
    const pid = await enclave.create("/cat.wasm", { stdio: { ...enclave.stdio, stdin: input.read } });
    const running = enclave.runtime.exec(pid);
    await settle();
    const flags = /^flags:\s+0?(\d+)$/mu.exec(readFileSync(`/proc/self/fdinfo/${input.read}`, "utf8"))?.[1];
    assert.equal(Number.parseInt(flags ?? "", 8) & 0o4000, 0);
    await enclave.runtime.kill(pid, 9);
    await running;
  });

  it("leave no descriptor behind, also after a kill", async () => {
    const countOpen = (): number => readdirSync("/proc/self/fd").length;
    using input = createPipe();
    const stdio = { stdin: input.read, stdout: input.write, stderr: 2 };
    await enclave.run("/exit7.wasm", { stdio });
    await settle();
    const before = countOpen();
    for (const name of ["exit7", "nothing"]) await enclave.run(`/${name}.wasm`, { stdio });
    for (const name of ["cat", "spin", "sleep"]) {
      const pid = await enclave.create(`/${name}.wasm`, { stdio });
      const running = enclave.runtime.exec(pid);
      await settle();
      await enclave.runtime.kill(pid, 9);
      await running;
    }
    await settle();
    assert.equal(countOpen(), before);
  });
});

describe("kill", () => {
  for (const name of ["spin", "sleep", "pollStdin", "cat", "flood", "catchKill"] as const) {
    it(`ends ${name} at once with 128 + signal`, async () => {
      using input = createPipe();
      using output = createPipe();
      const stdio = { stdin: input.read, stdout: output.write, stderr: 2 };
      const pid = await enclave.create(`/${name}.wasm`, { stdio });
      const running = enclave.runtime.exec(pid);
      await settle();
      const before = performance.now();
      await enclave.runtime.kill(pid, 15);
      assert.equal(await running, 143);
      assert.ok(performance.now() - before < 1800);
    });
  }

  for (const [name, create] of [
    ["socket", createSocketPair],
    ["terminal", createTerminal],
  ] as const) {
    for (const program of ["cat", "flood"] as const) {
      it(`ends ${program} on a ${name} at once`, async () => {
        using ends = create();
        const stdio = { stdin: ends.write, stdout: ends.write, stderr: 2 };
        const pid = await enclave.create(`/${program}.wasm`, { stdio });
        const running = enclave.runtime.exec(pid);
        await settle();
        const before = performance.now();
        await enclave.runtime.kill(pid, 15);
        assert.equal(await running, 143);
        assert.ok(performance.now() - before < 1800);
      });
    }
  }

  it("does nothing for signals that are harmless by default", async () => {
    const pid = await enclave.create("/sleep.wasm");
    const running = enclave.runtime.exec(pid);
    for (const signal of [17, 18, 23, 28]) await enclave.runtime.kill(pid, signal);
    await settle();
    assert.deepEqual(enclave.ends, []);
    await enclave.runtime.kill(-1, 9);
    assert.equal(await running, 137);
  });

  it("refuses what is no signal, what stops, and unknown processes", async () => {
    const pid = await enclave.create("/sleep.wasm");
    await rejects(enclave.runtime.kill(pid, 0), "ERR_WASM_SIGNAL");
    await rejects(enclave.runtime.kill(pid, 65), "ERR_WASM_SIGNAL");
    await rejects(enclave.runtime.kill(pid, 19), "ERR_WASM_SIGNAL");
    await rejects(enclave.runtime.kill(4711, 15), "ERR_WASM_NO_PROCESS");
  });

  it("reaches all processes with -1, and those that have not run yet", async () => {
    const [first, second] = await Promise.all([enclave.create("/sleep.wasm"), enclave.create("/spin.wasm")]);
    const running = enclave.runtime.exec(first);
    await enclave.runtime.kill(-1, 15);
    assert.equal(await running, 143);
    assert.equal(await enclave.runtime.exec(second), 143);
  });

  it("never blocks this thread while guests compute and wait", async () => {
    const pids = await Promise.all([enclave.create("/spin.wasm"), enclave.create("/sleep.wasm")]);
    const running = pids.map((pid) => enclave.runtime.exec(pid));
    const before = performance.now();
    await new Promise((resolve) => {
      setTimeout(resolve, 20);
    });
    assert.ok(performance.now() - before < 500);
    await enclave.runtime.kill(-1, 9);
    assert.deepEqual(await Promise.all(running), [137, 137]);
  });
});

describe("createProcess", () => {
  for (const [name, code] of [
    ["elf", "ERR_WASM_NOT_WASM"],
    ["script", "ERR_WASM_NOT_WASM"],
    ["empty", "ERR_WASM_NOT_WASM"],
    ["version2", "ERR_WASM_NOT_WASM"],
    ["component", "ERR_WASM_COMPONENT"],
    ["damaged", "ERR_WASM_MODULE"],
    ["reactor", "ERR_WASM_REACTOR"],
    ["library", "ERR_WASM_NO_START"],
    ["noMemory", "ERR_WASM_MEMORY"],
    ["hugeMemory", "ERR_WASM_MEMORY"],
    ["foreignImport", "ERR_WASM_IMPORT"],
    ["unknownImport", "ERR_WASM_IMPORT"],
    ["importedMemory", "ERR_WASM_IMPORT"],
  ] as const) {
    it(`refuses ${name} with ${code}`, async () => {
      await rejects(enclave.create(`/bad/${name}`), code);
    });
  }

  it("refuses what is not there, and names that escape", async () => {
    await rejects(enclave.create("/missing"), "ERR_WASM_PROGRAM");
    await rejects(enclave.create("/app"), "ERR_WASM_PROGRAM");
    await rejects(enclave.create("/../../etc/passwd"), "ERR_WASM_PROGRAM");
    await rejects(enclave.create("/exit7.wasm", { cwd: "/missing" }), "ERR_WASM_CWD");
    await rejects(enclave.create("/exit7.wasm", { cwd: "app" }), "ERR_WASM_CWD");
  });

  it("refuses arguments and streams that cannot be given", async () => {
    await rejects(enclave.create("/exit7.wasm", { argv: ["a\0b"] }), "ERR_WASM_ARGUMENT");
    const stdio = { stdin: 987, stdout: 1, stderr: 2 };
    await rejects(enclave.create("/exit7.wasm", { stdio }), "ERR_WASM_ARGUMENT");
  });
});

describe("init and destroy", () => {
  it("come in order", async () => {
    await rejects(enclave.runtime.init({ args: "", logLevel: "info" }), "ERR_WASM_STATE");
    const running = enclave.runtime.exec(await enclave.create("/spin.wasm"));
    await enclave.runtime.destroy();
    assert.equal(await running, 137);
    await rejects(enclave.create("/exit7.wasm"), "ERR_WASM_STATE");
    await enclave.runtime.destroy();
  });

  it("refuse a memory limit beside another, and below a page", async () => {
    const options = { appImage: await imageOf({}), files: () => new Map(), memoryMounts: [], maxProcesses: 1 };
    const attributes = { args: "", logLevel: "info" };
    const other = createWasmRuntime({ ...options, maxMemoryBytes: MAX_MEMORY_BYTES / 2 });
    await rejects(other.init(attributes), "ERR_WASM_MEMORY");
    const tiny = createWasmRuntime({ ...options, maxMemoryBytes: 1000 });
    await rejects(tiny.init(attributes), "ERR_WASM_MEMORY");
  });
});

describe("a guest that declares other signatures", () => {
  it("traps where the call cannot be made", async () => {
    const program = assemble(`(module
      (import "wasi_snapshot_preview1" "fd_fdstat_set_rights" (func $rights (param i32 i32 i32) (result i32)))
      (memory (export "memory") 1)
      (func (export "_start") (drop (call $rights (i32.const 3) (i32.const 0) (i32.const 0)))))`);
    await using other = await createEnclave({ "/odd.wasm": program });
    assert.equal(await other.run("/odd.wasm"), 134);
    const outcome = other.ends[0]?.outcome;
    assert.equal(outcome?.kind, "trapped");
    assert.match(outcome.reason, /^host function fd_fdstat_set_rights failed: /u);
  });
});
