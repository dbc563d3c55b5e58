import type { PalApiVersion, ProcessRequest, ProcessStdio, RuntimeAttributes } from "../enclave-runtime.ts";
import type { Arena, Piece } from "./arena.ts";

/** What `pid` and `exit_value` hold before the call, to tell whether the library wrote them. */
export const UNWRITTEN = -0x8000_0000;

/** What version 3 is told of the enclave device where there is none. */
const NO_DEVICE = -1;

/** `pal_attr_v1_t`, 16 bytes, or `pal_attr_v3_t`, 32 bytes, which begins as the other. @see include/liberpal.h */
export function attributes(arena: Arena, version: PalApiVersion, { args, logLevel }: RuntimeAttributes): Piece {
  return arena.struct(version < 3 ? 16 : 32, [
    { offset: 0, type: "pointer", value: arena.string(args) },
    { offset: 8, type: "pointer", value: arena.string(logLevel) },
    ...(version < 3 ? [] : [{ offset: 16, type: "int", value: NO_DEVICE } as const]),
  ]);
}

/** `pal_stdio_fds_t`, 12 bytes. @see include/liberpal.h */
function stdioDescriptors(arena: Arena, { stdin, stdout, stderr }: ProcessStdio): Piece {
  return arena.struct(12, [
    { offset: 0, type: "int", value: stdin },
    { offset: 4, type: "int", value: stdout },
    { offset: 8, type: "int", value: stderr },
  ]);
}

/** `pal_create_process_args_t`, 40 bytes, and the number that the library writes. @see include/liberpal.h */
export function createProcessArguments(arena: Arena, request: ProcessRequest): { arguments: Piece; pid: Piece } {
  const stdio = stdioDescriptors(arena, request.stdio);
  const pid = unwritten(arena);
  const structure = arena.struct(40, [
    { offset: 0, type: "pointer", value: arena.string(request.path) },
    { offset: 8, type: "pointer", value: arena.strings(request.argv) },
    { offset: 16, type: "pointer", value: arena.strings(request.env) },
    { offset: 24, type: "pointer", value: stdio.address },
    { offset: 32, type: "pointer", value: pid.address },
  ]);
  return { arguments: structure, pid };
}

/** `pal_exec_args_t`, 16 bytes, and the value that the library writes. @see include/liberpal.h */
export function execArguments(arena: Arena, pid: number): { arguments: Piece; exitValue: Piece } {
  const exitValue = unwritten(arena);
  const structure = arena.struct(16, [
    { offset: 0, type: "int", value: pid },
    { offset: 8, type: "pointer", value: exitValue.address },
  ]);
  return { arguments: structure, exitValue };
}

/** The four arguments of version 1's `pal_exec`, and the value that the library writes. It knows no environment. */
export function execArgumentsV1(arena: Arena, request: ProcessRequest): { words: readonly bigint[]; exitValue: Piece } {
  const exitValue = unwritten(arena);
  const stdio = stdioDescriptors(arena, request.stdio);
  return {
    words: [arena.string(request.path), arena.strings(request.argv), stdio.address, exitValue.address],
    exitValue,
  };
}

/** An int that the library is to write. */
function unwritten(arena: Arena): Piece {
  return arena.struct(4, [{ offset: 0, type: "int", value: UNWRITTEN }]);
}
