import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { getSystemErrorName } from "node:util";
import { InclavareError } from "@inclavare/errors";
import type * as Koffi from "koffi";

/** koffi as it comes out of its native library: the same names as the package, without its loader. */
export type NativeLibrary = typeof Koffi;
type Call = (...args: readonly unknown[]) => number;

let native: NativeLibrary | undefined;
let libc: ReturnType<NativeLibrary["load"]> | undefined;
const functions = new Map<string, Call>();

/** PAL libraries and libc calls that run asynchronously get this much stack; koffi's own default is 128 KiB. */
const ASYNC_STACK_BYTES = 8 << 20;

/** Loads koffi at the first call, so that a program that needs no Linux call does not pay for it. */
export function loadNative(): NativeLibrary {
  if (native !== undefined) return native;
  const module = { exports: {} as NativeLibrary };
  process.dlopen(module, findNative());
  native = module.exports;
  // Only before the first `load`: later changes are refused.
  native.config({ ...native.config(), async_stack_size: ASYNC_STACK_BYTES });
  return native;
}

function findNative(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const shipped = [join(here, "lib", "koffi.node"), join(here, "..", "lib", "koffi.node")].find((path) =>
    existsSync(path),
  );
  if (shipped !== undefined) return shipped;
  const name = `linux_${process.arch}`;
  const manifest = createRequire(import.meta.url).resolve(`@koromix/koffi-linux-${process.arch}/package.json`);
  return join(dirname(manifest), name, "koffi.node");
}

/** A function of libc by its C declaration, bound once. */
export function libcFunction(declaration: string): Call {
  const known = functions.get(declaration);
  if (known !== undefined) return known;
  libc ??= loadNative().load("libc.so.6");
  const bound = libc.func(declaration) as unknown as Call;
  functions.set(declaration, bound);
  return bound;
}

/** The errno of the last call, as Linux numbers it. */
export function lastErrno(): number {
  return loadNative().errno();
}

export const EAGAIN: number = constants.errno.EAGAIN;
export const EINTR: number = constants.errno.EINTR;

/** @throws ERR_LINUX_CALL with the call's name and errno when `result` is -1. */
export function check(call: string, result: number, what: string = ""): number {
  if (result !== -1) return result;
  throw linuxError(call, lastErrno(), what);
}

export function linuxError(call: string, errno: number, what: string = ""): InclavareError {
  const name = getSystemErrorName(-errno);
  const subject = what === "" ? "" : ` ${what}`;
  return new InclavareError("ERR_LINUX_CALL", `${call}${subject} failed with ${name}`, {
    details: { call, errno: name },
  });
}
