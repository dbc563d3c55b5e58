import { malformed, WIRE, type WireReader, type WireType, type WireWriter } from "./wire.ts";

/** A value on the wire, without its tag. */
export interface Scalar<T> {
  readonly wire: WireType;
  read(reader: WireReader): T;
  write(writer: WireWriter, value: T): void;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export const TEXT: Scalar<string> = {
  wire: WIRE.bytes,
  read(reader) {
    const bytes = reader.bytes();
    try {
      return utf8.decode(bytes);
    } catch {
      throw malformed("a string that is not UTF-8");
    }
  },
  write: (writer, value) => writer.bytes(Buffer.from(value, "utf8")),
};

export const BYTES: Scalar<Uint8Array> = {
  wire: WIRE.bytes,
  read: (reader) => Uint8Array.from(reader.bytes()),
  write: (writer, value) => writer.bytes(value),
};

export const BOOL: Scalar<boolean> = {
  wire: WIRE.varint,
  read: (reader) => reader.varint() !== 0n,
  write: (writer, value) => writer.varint(value ? 1n : 0n),
};

export const UINT32: Scalar<number> = {
  wire: WIRE.varint,
  read: (reader) => Number(BigInt.asUintN(32, reader.varint())),
  write: (writer, value) => writer.varint(BigInt.asUintN(32, BigInt(value))),
};

/** Enumerations as well. A negative value takes ten bytes. */
export const INT32: Scalar<number> = {
  wire: WIRE.varint,
  read: (reader) => Number(BigInt.asIntN(32, reader.varint())),
  write: (writer, value) => writer.varint(BigInt.asIntN(32, BigInt(value))),
};

export const UINT64: Scalar<bigint> = {
  wire: WIRE.varint,
  read: (reader) => reader.varint(),
  write: (writer, value) => writer.varint(value),
};

export const INT64: Scalar<bigint> = {
  wire: WIRE.varint,
  read: (reader) => BigInt.asIntN(64, reader.varint()),
  write: (writer, value) => writer.varint(value),
};

export const DOUBLE: Scalar<number> = {
  wire: WIRE.fixed64,
  read: (reader) => reader.double(),
  write: (writer, value) => writer.double(value),
};
