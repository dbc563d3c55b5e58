import type { ProcessRequest, RuntimeAttributes } from "../enclave-runtime.ts";
import type { Arena, Piece } from "./arena.ts";

/** What `pid` and `exit_value` hold before the call, to tell whether the library wrote them. */
export const UNWRITTEN = -0x8000_0000;

/** `pal_attr_v1_t`, 16 bytes. @see include/liberpal.h */
export function attributes(arena: Arena, { args, logLevel }: RuntimeAttributes): Piece {
  return arena.struct(16, [
    { offset: 0, type: "pointer", value: arena.string(args) },
    { offset: 8, type: "pointer", value: arena.string(logLevel) },
  ]);
}

/** `pal_create_process_args_t`, 40 bytes, and the number that the library writes. @see include/liberpal.h */
export function createProcessArguments(arena: Arena, request: ProcessRequest): { arguments: Piece; pid: Piece } {
  const { stdin, stdout, stderr } = request.stdio;
  const stdio = arena.struct(12, [
    { offset: 0, type: "int", value: stdin },
    { offset: 4, type: "int", value: stdout },
    { offset: 8, type: "int", value: stderr },
  ]);
  const pid = arena.struct(4, [{ offset: 0, type: "int", value: UNWRITTEN }]);
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
  const exitValue = arena.struct(4, [{ offset: 0, type: "int", value: UNWRITTEN }]);
  const structure = arena.struct(16, [
    { offset: 0, type: "int", value: pid },
    { offset: 8, type: "pointer", value: exitValue.address },
  ]);
  return { arguments: structure, exitValue };
}
