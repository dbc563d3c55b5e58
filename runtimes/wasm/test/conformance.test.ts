/** The conformance kit of the PAL API on the built-in runtime, whose programs are WASI modules written as text. */
import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { AppImage } from "@inclavare/enclave-image";
import { DEFAULT_PROFILE, type Profile, runConformance } from "@inclavare/pal";
import { createWasmRuntime } from "../src/index.ts";
import { imageOf, MAX_MEMORY_BYTES } from "./enclave.ts";
import { assemble, PROGRAMS } from "./programs.ts";

/**
 * A command that is given arguments or variables: `$table` is the array of pointers, `$text` where the strings lie one
 * behind the other, `$bytes` their length.
 */
function given(what: "args" | "environ", body: string): Uint8Array {
  return assemble(`(module
    (import "wasi_snapshot_preview1" "${what}_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "${what}_get" (func $get (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
    (memory (export "memory") 8)
    (func $write (param $fd i32) (param $from i32) (param $to i32)
      (i32.store (i32.const 0) (local.get $from))
      (i32.store (i32.const 4) (i32.sub (local.get $to) (local.get $from)))
      (if (call $fd_write (local.get $fd) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $proc_exit (i32.const 99)))))
    (func (export "_start")
      (local $table i32) (local $text i32) (local $bytes i32) (local $at i32) (local $n i32)
      (drop (call $sizes (i32.const 0) (i32.const 4)))
      (local.set $table (i32.const 64))
      (local.set $text (i32.const 65536))
      (local.set $bytes (i32.load (i32.const 4)))
      (drop (call $get (local.get $table) (local.get $text)))
      ${body}))`);
}

/** From the first argument behind the program's name on. */
const FIRST = "(i32.load (i32.const 68))";
const END = "(i32.add (local.get $text) (local.get $bytes))";
const FILES = {
  "/bin/arguments": given("args", `(call $write (i32.const 1) ${FIRST} ${END})`),
  "/bin/complain": given("args", `(call $write (i32.const 2) ${FIRST} ${END})`),
  "/bin/environment": given("environ", `(call $write (i32.const 1) (local.get $text) ${END})`),
  "/bin/exit": given(
    "args",
    `(local.set $at ${FIRST})
     (loop $digit (if (i32.load8_u (local.get $at)) (then
       (local.set $n (i32.add
         (i32.mul (local.get $n) (i32.const 10))
         (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
       (local.set $at (i32.add (local.get $at) (i32.const 1)))
       (br $digit))))
     (call $proc_exit (local.get $n))`,
  ),
  "/bin/cat": PROGRAMS.cat,
  "/bin/sleep": PROGRAMS.sleep,
};

const PROFILE: Profile = {
  ...DEFAULT_PROFILE,
  programs: {
    exits: { path: "/bin/exit", argv: ["exit", "{}"] },
    // The strings come out as WASI hands them over: one behind the other, each with its NUL.
    arguments: { path: "/bin/arguments", argv: ["arguments"], shows: "{}\0" },
    environment: { path: "/bin/environment", argv: ["environment"], shows: "{}\0" },
    complains: { path: "/bin/complain", argv: ["complain", "complaint"], shows: "complaint" },
    copies: { path: "/bin/cat", argv: ["cat"] },
    blocks: { path: "/bin/sleep", argv: ["sleep"] },
  },
};

/** Many workers start at once, on a machine that has other things to do. */
const LOADED_MS = 60_000;

describe("the wasm runtime", () => {
  let appImage: AppImage;
  before(async () => {
    appImage = await imageOf(FILES);
  });

  it("has nothing that the conformance kit finds wrong", async () => {
    const create = () =>
      createWasmRuntime({
        appImage,
        files: () => new Map(),
        memoryMounts: [],
        maxMemoryBytes: MAX_MEMORY_BYTES,
        maxProcesses: 32,
      });
    const results = await runConformance({ create, profile: { ...PROFILE, deadlineMs: LOADED_MS } });
    assert.deepEqual(
      results.filter(({ result }) => result === "failed"),
      [],
    );
    assert.ok(results.filter(({ result }) => result === "ok").length >= 18);
  });
});
