import { type Codec, type Field, message, uint64 } from "@inclavare/ttrpc";

/** A message of 64-bit counters, numbered from `first` in the order of their names. */
export function counters<N extends string>(names: readonly N[], first = 1): Codec<Readonly<Record<N, bigint>>> {
  return message<Readonly<Record<N, bigint>>>(counterFields(names, first));
}

export function counterFields<N extends string>(names: readonly N[], first = 1): Readonly<Record<N, Field<bigint>>> {
  const fields = names.map((name, index): [string, Field<bigint>] => [name, uint64(first + index)]);
  return Object.fromEntries(fields) as Record<N, Field<bigint>>;
}

/** The counters of a table by their names in the message; 0 where the table has none. */
export function pick<N extends string>(
  names: readonly N[],
  table: ReadonlyMap<string, bigint> | undefined,
  nameInTable: (name: N) => string = (name) => name,
): Readonly<Record<N, bigint>> {
  const values = names.map((name) => [name, table?.get(nameInTable(name)) ?? 0n] as const);
  return Object.fromEntries(values) as Record<N, bigint>;
}
