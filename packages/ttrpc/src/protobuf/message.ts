import type { Codec, Field } from "./fields.ts";
import { WireReader, WireWriter } from "./wire.ts";

/** The fields of a message by the names that its values have. */
type Fields<T> = { readonly [Name in keyof T]: Field<T[Name]> };

/** What a message type's values look like. */
export type MessageOf<C> = C extends Codec<infer T> ? T : never;

/**
 * A message type of proto3 from its fields: `message({ id: text(1), pid: uint32(2) })`.
 *
 * Decoded values have every member, the initial value where the wire has none. Fields that are not known are passed over
 * and not kept. Fields are written in the order of the table.
 */
export function message<T extends object>(fields: Fields<T>): Codec<T> {
  const names = Object.keys(fields) as (keyof T)[];
  const byNumber = new Map(names.map((name) => [fields[name].number, name]));
  return {
    encode(value) {
      const writer = new WireWriter();
      for (const name of names) {
        const given = value[name];
        if (given !== undefined) fields[name].write(writer, given);
      }
      return writer.finish();
    },
    decode(bytes) {
      const found: Partial<T> = {};
      for (const reader = new WireReader(bytes); !reader.done;) {
        const { field, wire } = reader.tag();
        const name = byNumber.get(field);
        if (name === undefined) reader.skip(wire);
        else found[name] = fields[name].read(reader, wire, found[name]);
      }
      const initial = Object.fromEntries(names.map((name) => [name, fields[name].initial]));
      return { ...initial, ...found } as T;
    },
  };
}
