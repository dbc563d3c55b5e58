import { closeSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { getSystemErrorName } from "node:util";
import { InclavareError } from "@inclavare/errors";
import { createEventfd, watchReadable } from "@inclavare/linux";
import type { Arena } from "./arena.ts";
import { loadForGood } from "./load-for-good.ts";

/** What a native function returned, and the errno that it left. */
export interface CallResult {
  readonly value: number;
  readonly errno: number;
}

/** A function of a library, by its address. */
export interface NativeFunction {
  /** For messages, and for the report of a crash. */
  readonly name: string;
  readonly address: bigint;
}

export interface CallsOptions {
  /** Where a crash inside a call is reported, `signal N in NAME`. Left out: nowhere, and nothing is caught. */
  readonly crashDescriptor?: number;
  /** Of each call's thread. Left out: 8 MiB, as the header promises. */
  readonly stackBytes?: number;
}

const STACK_BYTES = 8 << 20;
const CALL_BYTES = 64;

type Start = (call: Buffer, stackBytes: number) => number;

/** Calls native functions, each call on a POSIX thread of its own; see native/palcall.c. */
export class Calls {
  readonly #start: Start;
  readonly #stackBytes: number;

  /** @throws ERR_PAL_LOAD when the native part is not installed */
  constructor({ crashDescriptor, stackBytes = STACK_BYTES }: CallsOptions) {
    const library = loadForGood(findNativePart());
    this.#start = library.func("int palcall_start(void *call, size_t stack_bytes)");
    this.#stackBytes = stackBytes;
    if (crashDescriptor === undefined) return;
    const errno = Number(library.func("int palcall_report(int descriptor)")(crashDescriptor));
    if (errno !== 0)
      throw new InclavareError("ERR_PAL_LOAD", `crashes cannot be caught: ${getSystemErrorName(-errno)}`);
  }

  /** @param arena holds what the call needs, at least until it has returned. @throws ERR_PAL_CALL when no thread can be made */
  async call({ name, address }: NativeFunction, arena: Arena, args: readonly (bigint | number)[]): Promise<CallResult> {
    const done = createEventfd();
    const { bytes } = arena.struct(CALL_BYTES, [
      { offset: 0, type: "pointer", value: arena.string(name) },
      { offset: 8, type: "pointer", value: address },
      ...args.map((value, index) => ({ offset: 16 + 8 * index, type: "pointer", value: asWord(value) }) as const),
      { offset: 56, type: "int", value: done },
    ]);
    const { promise, resolve } = Promise.withResolvers<CallResult>();
    const watch = watchReadable(done, () => {
      watch.close();
      closeSync(done);
      resolve({ value: bytes.readInt32LE(48), errno: bytes.readInt32LE(52) });
    });
    const errno = this.#start(bytes, this.#stackBytes);
    if (errno === 0) return await promise;
    watch.close();
    closeSync(done);
    throw new InclavareError("ERR_PAL_CALL", `no thread could be made for ${name}: ${getSystemErrorName(-errno)}`);
  }
}

/** An int is passed in the lower half of a register, sign-extended by convention. */
function asWord(value: bigint | number): bigint {
  return BigInt.asUintN(64, BigInt(value));
}

/** Beside the bundle in the payload, in the payload beside the bundle, or in the build. */
function findNativePart(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const payload = join("dist", "lib", "inclavare", "payload");
  const places = [join(here, ".."), join(here, "payload"), join(here, "..", "..", "..", "..", payload)];
  const found = places.map((place) => join(place, "lib", "palcall.so")).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new InclavareError("ERR_PAL_LOAD", "palcall.so, the native part of the PAL's binding, is not installed");
}
