import { Errno } from "../errno.ts";
import type { Host, HostFunction } from "./host.ts";

const encoder = new TextEncoder();

/** Arguments and environment: two calls each, one for the sizes and one for the contents. */
export function argsEnv({ memory, args, env }: Host): Record<string, HostFunction> {
  function sizes(strings: readonly Uint8Array[], countPointer: number, sizePointer: number): void {
    memory.writeU32(countPointer, strings.length);
    memory.writeU32(
      sizePointer,
      strings.reduce((sum, bytes) => sum + bytes.length, 0),
    );
  }

  function contents(strings: readonly Uint8Array[], pointers: number, buffer: number): void {
    let at = buffer >>> 0;
    for (const [index, bytes] of strings.entries()) {
      memory.writeU32((pointers >>> 0) + index * 4, at);
      memory.bytes(at, bytes.length).set(bytes);
      at += bytes.length;
    }
  }

  const argumentBytes = args.map(toBytes);
  const environmentBytes = env.map(toBytes);
  return {
    args_sizes_get: (count: number, size: number) => sizes(argumentBytes, count, size),
    args_get: (pointers: number, buffer: number) => contents(argumentBytes, pointers, buffer),
    environ_sizes_get: (count: number, size: number) => sizes(environmentBytes, count, size),
    environ_get: (pointers: number, buffer: number) => contents(environmentBytes, pointers, buffer),
  };
}

/** NUL-terminated UTF-8. @throws Errno INVAL for a NUL inside, which would split the string */
function toBytes(text: string): Uint8Array {
  if (text.includes("\0")) throw new Errno("INVAL");
  return encoder.encode(`${text}\0`);
}
