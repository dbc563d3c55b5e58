import wabt from "wabt";

/**
 * A WASI program that does what its first argument says:
 * `exit N`, `args`, `env` (one entry a line), `cat` (stdin to stdout), `sleep` (in poll_oneoff, for ever), `spin` (for ever),
 * `write` (a line now and then, for ever).
 */
const SOURCE = `(module
  (import "wasi_snapshot_preview1" "args_sizes_get" (func $args_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "args_get" (func $args_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $env_sizes (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_get" (func $env_get (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 16)
  (data (i32.const 0) "\\0a")
  (data (i32.const 16) "alive\\0a")
  ;; 32: count, 36: bytes, 48: iovec, 60: count of bytes done, 64: subscription (48 bytes), 112: event (32 bytes)
  (func $put (param $from i32) (param $size i32)
    (i32.store (i32.const 48) (local.get $from))
    (i32.store (i32.const 52) (local.get $size))
    (drop (call $write (i32.const 1) (i32.const 48) (i32.const 1) (i32.const 60))))
  (func $length (param $text i32) (result i32) (local $n i32)
    (block $end (loop $next
      (br_if $end (i32.eqz (i32.load8_u (i32.add (local.get $text) (local.get $n)))))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br $next)))
    (local.get $n))
  (func $put_all (param $table i32) (param $count i32) (local $text i32)
    (block $end (loop $next
      (br_if $end (i32.eqz (local.get $count)))
      (local.set $text (i32.load (local.get $table)))
      (call $put (local.get $text) (call $length (local.get $text)))
      (call $put (i32.const 0) (i32.const 1))
      (local.set $table (i32.add (local.get $table) (i32.const 4)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))
  (func $number (param $text i32) (result i32) (local $n i32) (local $digit i32)
    (block $end (loop $next
      (local.set $digit (i32.load8_u (local.get $text)))
      (br_if $end (i32.eqz (local.get $digit)))
      (local.set $n (i32.add (i32.mul (local.get $n) (i32.const 10)) (i32.sub (local.get $digit) (i32.const 48))))
      (local.set $text (i32.add (local.get $text) (i32.const 1)))
      (br $next)))
    (local.get $n))
  (func $wait (param $nanoseconds i64)
    (memory.fill (i32.const 64) (i32.const 0) (i32.const 80))
    (i32.store (i32.const 80) (i32.const 1))
    (i64.store (i32.const 88) (local.get $nanoseconds))
    (drop (call $poll (i32.const 64) (i32.const 112) (i32.const 1) (i32.const 60))))
  (func $cat (local $n i32)
    (block $end (loop $next
      (i32.store (i32.const 48) (i32.const 524288))
      (i32.store (i32.const 52) (i32.const 65536))
      (br_if $end (call $read (i32.const 0) (i32.const 48) (i32.const 1) (i32.const 60)))
      (local.set $n (i32.load (i32.const 60)))
      (br_if $end (i32.eqz (local.get $n)))
      (call $put (i32.const 524288) (local.get $n))
      (br $next))))
  (func (export "_start") (local $verb i32) (local $first i32) (local $second i32)
    (drop (call $args_sizes (i32.const 32) (i32.const 36)))
    (drop (call $args_get (i32.const 1024) (i32.const 8192)))
    (if (i32.lt_u (i32.load (i32.const 32)) (i32.const 2)) (then (call $exit (i32.const 0))))
    (local.set $verb (i32.load (i32.const 1028)))
    (local.set $first (i32.load8_u (local.get $verb)))
    (local.set $second (i32.load8_u (i32.add (local.get $verb) (i32.const 1))))
    ;; e: exit or env, told apart by the second letter
    (if (i32.eq (local.get $first) (i32.const 101)) (then
      (if (i32.eq (local.get $second) (i32.const 120)) (then (call $exit (call $number (i32.load (i32.const 1032))))))
      (drop (call $env_sizes (i32.const 32) (i32.const 36)))
      (drop (call $env_get (i32.const 1024) (i32.const 8192)))
      (call $put_all (i32.const 1024) (i32.load (i32.const 32)))
      (call $exit (i32.const 0))))
    (if (i32.eq (local.get $first) (i32.const 97)) (then
      (call $put_all (i32.const 1024) (i32.load (i32.const 32)))
      (call $exit (i32.const 0))))
    (if (i32.eq (local.get $first) (i32.const 99)) (then (call $cat) (call $exit (i32.const 0))))
    (if (i32.eq (local.get $first) (i32.const 119)) (then
      (loop $again (call $put (i32.const 16) (i32.const 6)) (call $wait (i64.const 50000000)) (br $again))))
    (if (i32.eq (local.get $first) (i32.const 115)) (then
      (if (i32.eq (local.get $second) (i32.const 112)) (then (loop $spin (br $spin))))
      (loop $sleep (call $wait (i64.const 3600000000000)) (br $sleep))))
    (call $exit (i32.const 99))))`;

/** The program's bytes. */
export async function probeProgram(): Promise<Uint8Array> {
  const tools = await wabt();
  const module = tools.parseWat("probe.wat", SOURCE, { bulk_memory: true });
  try {
    return module.toBinary({}).buffer;
  } finally {
    module.destroy();
  }
}
