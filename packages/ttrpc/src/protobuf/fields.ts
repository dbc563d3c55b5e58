/** Fields of a message: each function takes the field's number and gives a field of one type. */
import { BOOL, BYTES, DOUBLE, INT32, INT64, type Scalar, TEXT, UINT32, UINT64 } from "./scalars.ts";
import { malformed, WIRE, WireReader, WireWriter } from "./wire.ts";

/** Turns values of one message type into bytes and back. */
export interface Codec<T> {
  /** Members that are left out have their initial value. */
  encode(value: Partial<T>): Uint8Array<ArrayBuffer>;
  /** @throws TtrpcError INVALID_ARGUMENT for whatever is not such a message. */
  decode(bytes: Uint8Array): T;
}

export interface Field<T> {
  readonly number: number;
  /** The value of a field that is not on the wire. */
  readonly initial: T;
  /** @param before what earlier occurrences of the field in this message gave. */
  read(reader: WireReader, wire: number, before: T | undefined): T;
  /** Writes nothing for the initial value. */
  write(writer: WireWriter, value: T): void;
}

/** A field of which there can be a list: `T` in the message, `S` in a list. */
export interface SingleField<T, S = T> extends Field<T> {
  readonly scalar: Scalar<S>;
}

/** Entries of one repeated field beyond this are refused: two bytes each on the wire can be hundreds in memory. */
export const MAX_ENTRIES = 65_536;

export const text = (number: number): SingleField<string> => single(number, TEXT, "", (value) => value === "");
export const bytes = (number: number): SingleField<Uint8Array> =>
  single(number, BYTES, new Uint8Array(), (value) => value.length === 0);
export const bool = (number: number): SingleField<boolean> => single(number, BOOL, false, (value) => !value);
export const uint32 = (number: number): SingleField<number> => single(number, UINT32, 0, isZero);
/** Enumerations as well. */
export const int32 = (number: number): SingleField<number> => single(number, INT32, 0, isZero);
export const uint64 = (number: number): SingleField<bigint> => single(number, UINT64, 0n, isZero);
export const int64 = (number: number): SingleField<bigint> => single(number, INT64, 0n, isZero);
export const double = (number: number): SingleField<number> => single(number, DOUBLE, 0, isZero);

/** The same field, written whatever its value: for peers who tell a zero from nothing, as proto2 does. */
export function explicit<T>({ scalar, ...field }: SingleField<T>): Field<T> {
  return { ...field, write: (writer, value) => writeOne(writer, field.number, scalar, value) };
}

/** A message inside the message; undefined where there is none. Of several occurrences the last one counts. */
export function nested<T>(number: number, codec: Codec<T>): SingleField<T | undefined, T> {
  const scalar: Scalar<T> = {
    wire: WIRE.bytes,
    read: (reader) => codec.decode(reader.bytes()),
    write: (writer, value) => writer.bytes(codec.encode(value)),
  };
  return {
    number,
    scalar,
    initial: undefined,
    read: (reader, wire) => readOne(scalar, reader, wire),
    write: (writer, value) => (value === undefined ? undefined : writeOne(writer, number, scalar, value)),
  };
}

/** Any number of values, packed where that is possible; read either way. */
export function repeated<T, S>({ number, scalar }: SingleField<T, S>): Field<readonly S[]> {
  const isPacked = scalar.wire !== WIRE.bytes;
  return {
    number,
    initial: [],
    read(reader, wire, before) {
      const values = (before ?? []) as S[];
      if (isPacked && wire === WIRE.bytes) {
        for (const packed = new WireReader(reader.bytes()); !packed.done;) append(values, scalar.read(packed));
      } else append(values, readOne(scalar, reader, wire));
      return values;
    },
    write(writer, values) {
      if (!isPacked) for (const value of values) writeOne(writer, number, scalar, value);
      else if (values.length > 0) {
        const packed = new WireWriter();
        for (const value of values) scalar.write(packed, value);
        writer.tag(number, WIRE.bytes);
        writer.bytes(packed.finish());
      }
    },
  };
}

/** A map of strings to strings; of entries with one key the last one counts. */
export function textMap(number: number): Field<ReadonlyMap<string, string>> {
  const key = text(1);
  const item = text(2);
  return {
    number,
    initial: new Map(),
    read(reader, wire, before) {
      const map = (before ?? new Map()) as Map<string, string>;
      assertWire(wire, WIRE.bytes);
      const entry = { key: "", value: "" };
      for (const inner = new WireReader(reader.bytes()); !inner.done;) {
        const { field, wire: innerWire } = inner.tag();
        if (field === 1) entry.key = key.read(inner, innerWire, undefined);
        else if (field === 2) entry.value = item.read(inner, innerWire, undefined);
        else inner.skip(innerWire);
      }
      if (map.size >= MAX_ENTRIES) throw malformed(`more than ${MAX_ENTRIES} entries`);
      return map.set(entry.key, entry.value);
    },
    write(writer, map) {
      for (const [name, value] of map) {
        const entry = new WireWriter();
        key.write(entry, name);
        item.write(entry, value);
        writer.tag(number, WIRE.bytes);
        writer.bytes(entry.finish());
      }
    },
  };
}

function single<T>(number: number, scalar: Scalar<T>, initial: T, isInitial: (value: T) => boolean): SingleField<T> {
  return {
    number,
    scalar,
    initial,
    read: (reader, wire) => readOne(scalar, reader, wire),
    write: (writer, value) => (isInitial(value) ? undefined : writeOne(writer, number, scalar, value)),
  };
}

/** Not `=== 0`, to which the negative zero of a double is equal. */
function isZero(value: number | bigint): boolean {
  return Object.is(value, 0) || value === 0n;
}

function readOne<T>(scalar: Scalar<T>, reader: WireReader, wire: number): T {
  assertWire(wire, scalar.wire);
  return scalar.read(reader);
}

function writeOne<T>(writer: WireWriter, number: number, scalar: Scalar<T>, value: T): void {
  writer.tag(number, scalar.wire);
  scalar.write(writer, value);
}

function append<T>(values: T[], value: T): void {
  if (values.length >= MAX_ENTRIES) throw malformed(`more than ${MAX_ENTRIES} entries`);
  values.push(value);
}

function assertWire(actual: number, expected: number): void {
  if (actual !== expected) throw malformed(`wire type ${actual} where ${expected} belongs`);
}
