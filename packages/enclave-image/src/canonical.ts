type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

/** JSON with sorted names (by UTF-16 units) and no space, so that equal values have equal bytes. */
export function canonicalJson(value: unknown): string {
  return format(value as Plain);
}

function format(value: Plain): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) return `[${value.map(format).join(",")}]`;
  const members = Object.keys(value).toSorted(compare);
  return `{${members.map((name) => `${JSON.stringify(name)}:${format(value[name] ?? null)}`).join(",")}}`;
}

function isList(value: object): value is readonly Plain[] {
  return Array.isArray(value);
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
