import { InclavareError } from "@inclavare/errors";
import type { NativeLibrary } from "@inclavare/linux";

export const POINTER_BYTES = 8;

/** A field of a structure: a pointer (64 bits) or a C `int` (32 bits), little-endian. */
export interface Field {
  readonly offset: number;
  readonly type: "pointer" | "int";
  readonly value: bigint | number;
}

/** A piece of memory that C can be given by its address. */
export interface Piece {
  readonly address: bigint;
  readonly bytes: Buffer;
}

/**
 * Memory for the arguments of C calls, which stays where it is for as long as the arena is reachable: a library may
 * keep the pointers that it was given.
 *
 * Layouts are those of LP64 little-endian platforms (x86-64, arm64), the natural ones.
 */
export class Arena {
  readonly #native: NativeLibrary;
  readonly #pieces: Piece[] = [];

  constructor(native: NativeLibrary) {
    this.#native = native;
  }

  allocate(sizeBytes: number): Piece {
    // An array buffer of its own: small typed arrays may live in V8's heap, where they move.
    const bytes = Buffer.from(new ArrayBuffer(sizeBytes));
    const piece = { address: this.#native.address(bytes), bytes };
    this.#pieces.push(piece);
    return piece;
  }

  /** A NUL-terminated UTF-8 string. @throws ERR_PAL_ARGUMENT for a text that has a NUL inside, which C would cut short */
  string(text: string): bigint {
    if (text.includes("\0")) {
      const message = `${JSON.stringify(text.slice(0, 64))} holds a NUL character, which no C string can`;
      throw new InclavareError("ERR_PAL_ARGUMENT", message);
    }
    const encoded = Buffer.from(`${text}\0`, "utf8");
    const piece = this.allocate(encoded.length);
    encoded.copy(piece.bytes);
    return piece.address;
  }

  /** A NULL-terminated array of strings. */
  strings(texts: readonly string[]): bigint {
    const pointers = texts.map((text) => this.string(text));
    const fields = pointers.map((value, index): Field => ({ offset: index * POINTER_BYTES, type: "pointer", value }));
    return this.struct((texts.length + 1) * POINTER_BYTES, fields).address;
  }

  /** A structure; what no field names is zero. */
  struct(sizeBytes: number, fields: readonly Field[]): Piece {
    const piece = this.allocate(sizeBytes);
    for (const { offset, type, value } of fields) {
      if (type === "int") piece.bytes.writeInt32LE(Number(value), offset);
      else piece.bytes.writeBigUInt64LE(BigInt(value), offset);
    }
    return piece;
  }
}
