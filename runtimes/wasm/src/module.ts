import { InclavareError } from "@inclavare/errors";
import { PAGE_BYTES } from "./memory-limit.ts";
import { WASI_MODULE } from "./wasi/abi.ts";
import { IMPORT_NAMES } from "./wasi/imports.ts";

const MAGIC = 0x6d736100;
const CORE_VERSION = 1;
/** Version 13, layer 1. @see WebAssembly Component Model, Binary.md */
const COMPONENT_VERSION = 0x0001_000d;
const MEMORY_SECTION = 5;
const HEADER_BYTES = 8;
const FLAG = { HAS_MAXIMUM: 1, SHARED: 2, MEMORY64: 4 } as const;

interface MemoryType {
  readonly flags: number;
  readonly initialPages: number;
}

/** Reads a module's bytes; integers are LEB128, bounded by the end of the bytes. */
class Reader {
  readonly #bytes: Uint8Array;
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#bytes.length;
  }

  byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new InclavareError("ERR_WASM_MODULE", "the module ends in the middle of a section");
    this.at += 1;
    return byte;
  }

  unsigned(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new InclavareError("ERR_WASM_MODULE", "an integer of the module is longer than 10 bytes");
  }
}

/**
 * Checks that bytes are a WebAssembly module of version 1, before V8 sees them.
 * @throws ERR_WASM_NOT_WASM, ERR_WASM_COMPONENT
 */
export function assertCoreModule(bytes: Uint8Array, what: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) {
    throw new InclavareError("ERR_WASM_NOT_WASM", `${what} is ${describe(bytes)}, expected a WebAssembly module`);
  }
  const version = view.getUint32(4, true);
  if (version === COMPONENT_VERSION) {
    throw new InclavareError("ERR_WASM_COMPONENT", `${what} is a component; only core modules for preview 1 run here`);
  }
  if (version !== CORE_VERSION) {
    throw new InclavareError("ERR_WASM_NOT_WASM", `${what} has WebAssembly version ${version}, expected 1`);
  }
}

function describe(bytes: Uint8Array): string {
  if (bytes.length === 0) return "empty";
  if (bytes[0] === 0x7f && bytes[1] === 0x45) return "a Linux program (ELF)";
  if (bytes[0] === 0x23 && bytes[1] === 0x21) return "a script";
  return "something else";
}

/**
 * Checks the memory that the module defines against the limit.
 * @throws ERR_WASM_MEMORY (more than one, shared, 64-bit, larger than the limit at start), ERR_WASM_MODULE
 */
export function assertMemory(bytes: Uint8Array, what: string, limitBytes: number): void {
  const memories = readMemories(bytes);
  if (memories.length > 1) {
    throw new InclavareError("ERR_WASM_MEMORY", `${what} has ${memories.length} memories, expected 1`);
  }
  for (const { flags, initialPages } of memories) {
    if ((flags & ~FLAG.HAS_MAXIMUM) !== 0) {
      const message = `${what} has a shared or 64-bit memory; preview 1 has neither`;
      throw new InclavareError("ERR_WASM_MEMORY", message);
    }
    if (initialPages * PAGE_BYTES > limitBytes) {
      const message = `${what} starts with ${initialPages * PAGE_BYTES} bytes of memory, the enclave allows ${limitBytes}`;
      throw new InclavareError("ERR_WASM_MEMORY", message);
    }
  }
}

function readMemories(bytes: Uint8Array): MemoryType[] {
  const reader = new Reader(bytes, HEADER_BYTES);
  while (!reader.isAtEnd) {
    const id = reader.byte();
    const end = reader.unsigned() + reader.at;
    if (id === MEMORY_SECTION) return readMemorySection(reader);
    reader.at = end;
  }
  return [];
}

function readMemorySection(reader: Reader): MemoryType[] {
  const memories: MemoryType[] = [];
  for (let left = reader.unsigned(); left > 0; left -= 1) {
    const flags = reader.unsigned();
    memories.push({ flags, initialPages: reader.unsigned() });
    if ((flags & FLAG.HAS_MAXIMUM) !== 0) reader.unsigned();
  }
  return memories;
}

/**
 * Checks that a compiled module is a command that this host can run.
 * @throws ERR_WASM_IMPORT, ERR_WASM_REACTOR, ERR_WASM_NO_START, ERR_WASM_MEMORY (none exported)
 */
export function assertCommand(module: WebAssembly.Module, what: string): void {
  const unknown = WebAssembly.Module.imports(module).filter(
    (entry) => entry.kind !== "function" || entry.module !== WASI_MODULE || !IMPORT_NAMES.includes(entry.name),
  );
  if (unknown.length > 0) {
    const names = unknown.slice(0, 5).map((entry) => `${entry.kind} ${entry.module}.${entry.name}`);
    const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : "";
    throw new InclavareError("ERR_WASM_IMPORT", `${what} imports ${names.join(", ")}${more}: not in ${WASI_MODULE}`);
  }
  const exports = new Map(WebAssembly.Module.exports(module).map(({ name, kind }) => [name, kind]));
  if (exports.get("_start") !== "function") {
    if (exports.get("_initialize") === "function") {
      throw new InclavareError("ERR_WASM_REACTOR", `${what} is a reactor (it exports _initialize), expected a command`);
    }
    throw new InclavareError("ERR_WASM_NO_START", `${what} exports no function _start`);
  }
  if (exports.get("memory") !== "memory") {
    throw new InclavareError("ERR_WASM_MEMORY", `${what} exports no memory under the name "memory"`);
  }
}
