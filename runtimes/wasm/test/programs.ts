/** WASI programs for the tests, written as text. */
import wabtInit from "wabt";

const wabt = await wabtInit();

export function assemble(text: string): Uint8Array {
  const module = wabt.parseWat("test.wat", text, { exceptions: true, bulk_memory: true });
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}

const IMPORTS = `
  (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll_oneoff (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "sched_yield" (func $sched_yield (result i32)))
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))`;

/** A command with some imports, one page of memory, and this body of `_start`. */
export function command(body: string, { data = "", more = "" }: { data?: string; more?: string } = {}): Uint8Array {
  return assemble(`(module ${IMPORTS}
    (memory (export "memory") 1)
    ${data}
    ${more}
    (func $main (export "_start") (local $n i32) ${body}))`);
}

export const PROGRAMS = {
  nothing: command(""),
  exit7: command("(call $proc_exit (i32.const 7))"),
  exit256: command("(call $proc_exit (i32.const 256))"),
  /** Exits with the number of its arguments. */
  countArguments: command(`
    (drop (call $args_sizes_get (i32.const 0) (i32.const 4)))
    (call $proc_exit (i32.load (i32.const 0)))`),
  hello: command(
    `(i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 6))
     (drop (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))`,
    { data: '(data (i32.const 64) "hello\\n")' },
  ),
  /** Copies stdin to stdout until the end. */
  cat: command(`
    (loop $again
      (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 16384))
      (if (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8))
        (then (call $proc_exit (i32.const 9))))
      (local.set $n (i32.load (i32.const 8)))
      (i32.store (i32.const 4) (local.get $n))
      (if (local.get $n) (then
        (if (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))
          (then (call $proc_exit (i32.const 8))))
        (br $again))))`),
  /** Writes to stdout for ever, 4 KiB at a time; an error is the exit code. */
  flood: command(`
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 10000))
    (loop $again
      (local.set $n (call $fd_write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (if (local.get $n) (then (call $proc_exit (local.get $n))))
      (br $again))`),
  spin: command("(loop $again (br $again))"),
  /** Sleeps for an hour on the monotonic clock. */
  sleep: command(`
    (i32.store (i32.const 16) (i32.const 1))
    (i64.store (i32.const 24) (i64.const 3600000000000))
    (drop (call $poll_oneoff (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))
    (call $proc_exit (i32.const 3))`),
  /** Waits for stdin to become readable. */
  pollStdin: command(`
    (i32.store8 (i32.const 8) (i32.const 1))
    (drop (call $poll_oneoff (i32.const 0) (i32.const 256) (i32.const 1) (i32.const 512)))
    (call $proc_exit (i32.load (i32.const 512)))`),
  unreachable: command("(unreachable)"),
  outOfBounds: command("(drop (i32.load (i32.const 0x7fffffff)))"),
  divide: command("(drop (i32.div_s (i32.const 1) (local.get $n)))"),
  recurse: command("(call $deeper)", { more: "(func $deeper (call $deeper) (call $deeper))" }),
  /** Grows its memory until that fails; exits with the number of pages it got. */
  grow: command(`
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (call $proc_exit (memory.size))`),
  /** Catches everything around its own exit and goes on. */
  catchExit: command(`
    (try (do (call $proc_exit (i32.const 5))) (catch_all (call $proc_exit (i32.const 6))))
    (call $proc_exit (i32.const 7))`),
  /** Catches everything around a read, for ever. */
  catchKill: command(`
    (i32.store (i32.const 0) (i32.const 1024)) (i32.store (i32.const 4) (i32.const 100))
    (loop $again
      (try (do (drop (call $fd_read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))) (catch_all))
      (br $again))`),
  uncaught: command("(throw $e)", { more: "(tag $e)" }),
  /** Tries to create /tmp/x and then /x; exits with 10 times the first error plus the second. */
  create: command(
    `
    (local.set $n (call $path_open (i32.const 3) (i32.const 0) (i32.const 64) (i32.const 5)
      (i32.const 1) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)))
    (call $proc_exit (i32.add (i32.mul (local.get $n) (i32.const 100))
      (call $path_open (i32.const 3) (i32.const 0) (i32.const 68) (i32.const 1)
        (i32.const 1) (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0))))`,
    { data: '(data (i32.const 64) "tmp/x")' },
  ),
} as const;

export const BAD_PROGRAMS = {
  elf: Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0),
  script: Buffer.from("#!/bin/sh\necho hello\n"),
  empty: new Uint8Array(0),
  component: Uint8Array.of(0, 0x61, 0x73, 0x6d, 0x0d, 0, 1, 0),
  version2: Uint8Array.of(0, 0x61, 0x73, 0x6d, 2, 0, 0, 0),
  damaged: PROGRAMS.hello.subarray(0, PROGRAMS.hello.length - 20),
  reactor: assemble('(module (memory (export "memory") 1) (func (export "_initialize")))'),
  library: assemble('(module (memory (export "memory") 1) (func (export "run")))'),
  noMemory: assemble('(module (func (export "_start")))'),
  hugeMemory: assemble('(module (memory (export "memory") 4096) (func (export "_start")))'),
  foreignImport: assemble(
    '(module (import "env" "secret" (func)) (memory (export "memory") 1) (func (export "_start")))',
  ),
  unknownImport: assemble(
    '(module (import "wasi_snapshot_preview1" "fd_teleport" (func)) (memory (export "memory") 1) (func (export "_start")))',
  ),
  importedMemory: assemble(
    '(module (import "wasi_snapshot_preview1" "memory" (memory 1)) (export "memory" (memory 0)) (func (export "_start")))',
  ),
} as const;
