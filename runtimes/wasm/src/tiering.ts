import { setFlagsFromString } from "node:v8";

/**
 * Has V8 compile every function of a guest with its optimising compiler, at the first call. V8 has no on-stack replacement
 * for WebAssembly: a hot loop in `main` would stay in the baseline compiler for life, up to ten times slower.
 *
 * Not a flag of the command line, and not before the first worker has loaded its code: V8 refuses the compiled form of
 * Node's own modules when its flags differ from those of Node's build, and compiles them all anew.
 */
export function optimiseGuests(): void {
  setFlagsFromString("--no-liftoff");
}
