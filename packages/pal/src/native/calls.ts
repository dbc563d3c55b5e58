import { closeSync, existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { getSystemErrorName } from "node:util";
import { InclavareError } from "@inclavare/errors";
import { createEventfd, pollDescriptors, watchReadable } from "@inclavare/linux";
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
  /** The library's name, for messages. */
  readonly library: string;
  readonly address: bigint;
}

/** What a function is called with: words of 64 bits, and the memory that they point to. */
export interface Arguments {
  readonly arena: Arena;
  readonly words: readonly (bigint | number)[];
}

export interface CallsOptions {
  /** Where a crash inside a call is reported, `signal N in NAME`. Left out: nowhere, and nothing is caught. */
  readonly crashDescriptor?: number;
  /** Of each call's thread. Left out: 8 MiB, as the header promises. */
  readonly stackBytes?: number;
}

/** A call that has begun: what its thread reads and writes. */
interface Pending {
  /** Becomes readable at the end of the call; open until then, whoever has stopped to wait. */
  readonly done: number;
  readonly bytes: Buffer;
  readonly arena: Arena;
}

const STACK_BYTES = 8 << 20;
const CALL_BYTES = 64;

/** Calls native functions, each call on a POSIX thread of its own; see native/palcall.c. */
export class Calls {
  readonly #start: (call: Buffer, stackBytes: number) => number;
  readonly #stackBytes: number;
  /** Keeps what threads use where it is: nothing else here may refer to it while they run. */
  readonly #pending = new Set<Pending>();

  /** @throws ERR_PAL_LOAD when the native part is not installed */
  constructor({ crashDescriptor, stackBytes = STACK_BYTES }: CallsOptions) {
    const library = loadForGood(findNativePart());
    this.#start = library.func("int palcall_start(void *call, size_t stack_bytes)");
    this.#stackBytes = stackBytes;
    // Binds poll now: no symbol is found while a library that hangs in dlopen has the loader's lock.
    pollDescriptors([], 0);
    if (crashDescriptor === undefined) return;
    const errno = Number(library.func("int palcall_report(int descriptor)")(crashDescriptor));
    if (errno !== 0)
      throw new InclavareError("ERR_PAL_LOAD", `crashes cannot be caught: ${getSystemErrorName(-errno)}`);
  }

  /**
   * @param arena holds what the call needs; kept until it has returned.
   * @param timeoutMs left out: it may take as long as it likes.
   * @throws ERR_PAL_CALL when no thread can be made, ERR_DEADLINE: the call then keeps its thread, and all that it was given
   */
  async call(target: NativeFunction, { arena, words }: Arguments, timeoutMs?: number): Promise<CallResult> {
    const pending = this.#begin(target, arena, words);
    const { promise, resolve, reject } = Promise.withResolvers<CallResult>();
    const watch = watchReadable(pending.done, () => {
      watch.close();
      clearTimeout(timer);
      resolve(this.#finish(pending));
    });
    const giveUp = (): void => {
      watch.close();
      reject(late(target, timeoutMs ?? 0));
    };
    const timer = timeoutMs === undefined ? undefined : setTimeout(giveUp, timeoutMs);
    return await promise;
  }

  /** The same, blocking this thread. */
  callSync(target: NativeFunction, { arena, words }: Arguments, timeoutMs: number): CallResult {
    const pending = this.#begin(target, arena, words);
    const [end] = pollDescriptors([{ fd: pending.done, readable: true }], timeoutMs);
    if (end?.readable === true) return this.#finish(pending);
    throw late(target, timeoutMs);
  }

  #begin({ name, address }: NativeFunction, arena: Arena, words: Arguments["words"]): Pending {
    const done = createEventfd();
    const { bytes } = arena.struct(CALL_BYTES, [
      { offset: 0, type: "pointer", value: arena.string(name) },
      { offset: 8, type: "pointer", value: address },
      ...words.map((value, index) => ({ offset: 16 + 8 * index, type: "pointer", value: asWord(value) }) as const),
      { offset: 56, type: "int", value: done },
    ]);
    const errno = this.#start(bytes, this.#stackBytes);
    if (errno !== 0) {
      closeSync(done);
      throw new InclavareError("ERR_PAL_CALL", `no thread could be made for ${name}: ${getSystemErrorName(-errno)}`);
    }
    const pending = { done, bytes, arena };
    this.#pending.add(pending);
    return pending;
  }

  #finish(pending: Pending): CallResult {
    closeSync(pending.done);
    this.#pending.delete(pending);
    return { value: pending.bytes.readInt32LE(48), errno: pending.bytes.readInt32LE(52) };
  }
}

function late({ name, library }: NativeFunction, timeoutMs: number): InclavareError {
  const message = `${name} of ${library} did not return within ${timeoutMs / 1000} s`;
  return new InclavareError("ERR_DEADLINE", message, { details: { call: name } });
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
