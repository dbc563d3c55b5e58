import { InclavareError } from "@inclavare/errors";

/** Kinds of files that are mistaken for a module, by their first bytes. */
const KNOWN: readonly (readonly [start: readonly number[], what: string])[] = [
  [[0x7f, 0x45, 0x4c, 0x46], "an ELF program, which is machine code for Linux"],
  [[0x23, 0x21], "a script"],
  [[0x28, 0x6d, 0x6f, 0x64, 0x75, 0x6c, 0x65], "WebAssembly text, which has yet to be compiled"],
  [[0x4d, 0x5a], "a program for Windows"],
  [[0xcf, 0xfa, 0xed, 0xfe], "a program for macOS"],
  [[0x1f, 0x8b], "a gzip archive"],
  [[0x28, 0xb5, 0x2f, 0xfd], "a zstd archive"],
];
const MAGIC: readonly number[] = [0x00, 0x61, 0x73, 0x6d];
const PREAMBLE_BYTES = 8;
const EXPORT_SECTION = 7;
const FUNCTION = 0;
const MAX_EXPORTS = 100_000;

/**
 * Checks that a file is a WASI command as a core WebAssembly module: magic, version 1, an exported function `_start`.
 * Sections other than the exports are skipped, not checked: the engine does that when it loads the module.
 * @param what which file it is, for messages.
 * @throws ERR_IMAGE_NOT_WASM, saying what was found instead.
 * @see WebAssembly core specification 1.0, "Binary Format"; WASI application ABI (commands and reactors)
 */
export function assertWasmCommand(bytes: Uint8Array, what: string): void {
  if (!startsWith(bytes, MAGIC)) throw notWasm(what, describe(bytes));
  if (bytes.byteLength < PREAMBLE_BYTES) throw notWasm(what, "a WebAssembly module that ends within its first bytes");
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [version, layer] = [view.readUInt16LE(4), view.readUInt16LE(6)];
  if (layer === 1) throw notWasm(what, "a WebAssembly component (WASI preview 2), not a core module");
  if (layer !== 0 || version !== 1) {
    throw notWasm(what, `WebAssembly of version ${version} in layer ${layer}, expected a core module of version 1`);
  }
  const functions = exportedFunctions(new Reader(view, PREAMBLE_BYTES, what));
  if (functions.has("_start")) return;
  if (functions.has("_initialize")) throw notWasm(what, "a WASI reactor (it exports _initialize and no _start)");
  throw notWasm(what, "a WebAssembly library: it exports no function _start");
}

function exportedFunctions(reader: Reader): Set<string> {
  const names = new Set<string>();
  while (!reader.atEnd()) {
    const id = reader.byte();
    const section = reader.part(reader.integer());
    if (id !== EXPORT_SECTION) continue;
    const count = section.integer();
    if (count > MAX_EXPORTS) throw section.damaged(`says that it has ${count} exports`);
    for (let index = 0; index < count; index++) {
      const name = section.text(section.integer());
      const kind = section.byte();
      section.integer();
      if (kind === FUNCTION) names.add(name);
    }
  }
  return names;
}

/** Reads the binary format; whatever runs over the end is a damaged module. */
class Reader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at: number;

  constructor(bytes: Buffer, at: number, what: string) {
    this.#bytes = bytes;
    this.#at = at;
    this.#what = what;
  }

  atEnd(): boolean {
    return this.#at === this.#bytes.byteLength;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw this.damaged("ends too early");
    return value;
  }

  /** An unsigned LEB128 of at most 32 bits. */
  integer(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw this.damaged("has an integer of more than 32 bits");
  }

  part(sizeBytes: number): Reader {
    const end = this.#at + sizeBytes;
    if (end > this.#bytes.byteLength) throw this.damaged("ends within a section");
    const part = new Reader(this.#bytes.subarray(this.#at, end), 0, this.#what);
    this.#at = end;
    return part;
  }

  text(sizeBytes: number): string {
    const end = this.#at + sizeBytes;
    if (end > this.#bytes.byteLength) throw this.damaged("ends within a name");
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end;
    return text;
  }

  damaged(how: string): InclavareError {
    return notWasm(this.#what, `a damaged WebAssembly module: it ${how}`);
  }
}

function describe(bytes: Uint8Array): string {
  if (bytes.byteLength === 0) return "an empty file";
  const known = KNOWN.find(([start]) => startsWith(bytes, start))?.[1];
  return known ?? `a file that begins with ${Buffer.from(bytes.subarray(0, 8)).toString("hex")}`;
}

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

function notWasm(what: string, found: string): InclavareError {
  return new InclavareError(
    "ERR_IMAGE_NOT_WASM",
    `${what} is ${found}; the runtime wasm runs WASI preview 1 commands`,
    {
      details: { found },
    },
  );
}
