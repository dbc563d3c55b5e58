import { InclavareError, type ErrorCode } from "@inclavare/errors";

/** What is wrong with a value, and where: `path` is like `linux.namespaces[0].type`, empty for the document itself. */
interface Fault {
  readonly path: string;
  readonly rule: string;
}

/** More than a person repairs in one go; what a document has beyond them is not looked for. */
const MOST_FAULTS = 8;
const MOST_SHOWN = 40;

/** The faults of one document, as far as they are worth telling. */
export class Faults {
  readonly found: Fault[] = [];

  get full(): boolean {
    return this.found.length >= MOST_FAULTS;
  }

  add(path: string, rule: string): void {
    if (!this.full) this.found.push({ path, rule });
  }
}

/** A check of one value, which is a `T` if it added no fault. */
export interface Shape<out T = unknown> {
  (value: unknown, path: string, faults: Faults): void;
  /** Never there; it only carries the type. */
  readonly of?: T;
}

/** How a known member of an object is checked. */
export interface Member<out T = unknown, Must extends boolean = boolean> {
  readonly shape: Shape<T>;
  readonly required: Must;
}

/** One member for each property of T, required where the property is: the compiler holds type and check together. */
export type Members<T> = {
  readonly [K in keyof T]-?: Member<Exclude<T[K], undefined>, object extends Pick<T, K> ? false : true>;
};

const SIMPLE_NAME = /^[A-Za-z_][\w-]*$/u;

/**
 * Throws `code` when `value` has not the shape. The message names every fault, up to eight; `details` has path and rule of
 * the first one, and all of them under `problems` where there are several. Removes members that are null, see {@link record}.
 */
export function checkShape<T>(
  value: unknown,
  shape: Shape<T>,
  what: string,
  code: ErrorCode,
): asserts value is Readonly<T> {
  const faults = new Faults();
  shape(value, "", faults);
  const [first, ...others] = faults.found;
  if (first === undefined) return;
  const told = faults.found.map(({ path, rule }) => (path === "" ? rule : `${path}: ${rule}`)).join("; ");
  const problems = faults.found.map(({ path, rule }) => ({ path, rule }));
  throw new InclavareError(code, `${what}: ${told}${faults.full ? "; and perhaps more" : ""}`, {
    details: { path: first.path, rule: first.rule, ...(others.length === 0 ? {} : { problems }) },
  });
}

export function required<T>(shape: Shape<T>): Member<T, true> {
  return { shape, required: true };
}

export function optional<T>(shape: Shape<T>): Member<T, false> {
  return { shape, required: false };
}

/**
 * An object with known members. Others stay as they are, with one exception: Go's JSON decoder, which runc uses, finds
 * members without regard to case, so a member `Process` would override the `process` that was checked. Such names are
 * refused. A known member that is null counts as absent, as in Go, and is removed.
 * @param reserved further names that nothing may pose as; what they hold is not checked.
 */
export function record<T>(members: Members<T>, reserved: readonly string[] = []): Shape<T> {
  const known = Object.entries<Member>(members);
  const folded = new Map([...known.map(([name]) => name), ...reserved].map((name) => [foldName(name), name]));
  return (value, path, faults) => {
    if (!isObject(value)) return wrongType(value, path, "an object", faults);
    for (const name of Object.keys(value)) {
      const meant = folded.get(foldName(name));
      if (meant !== undefined && meant !== name) faults.add(memberPath(path, name), `expected to be written ${meant}`);
    }
    for (const [name, member] of known) {
      if (faults.full) return;
      if (value[name] === null) delete value[name];
      const item = value[name];
      if (item !== undefined) member.shape(item, memberPath(path, name), faults);
      else if (member.required) faults.add(memberPath(path, name), "required, got nothing");
    }
  };
}

/** An object whose names are free and whose values all have one shape. */
export function mapOf<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value, path, faults) => {
    if (!isObject(value)) return wrongType(value, path, "an object", faults);
    for (const [name, item] of Object.entries(value)) {
      if (faults.full) return;
      shape(item, memberPath(path, name), faults);
    }
  };
}

export function listOf<T>(shape: Shape<T>): Shape<readonly T[]> {
  return (value, path, faults) => {
    if (!Array.isArray(value)) return wrongType(value, path, "an array", faults);
    for (const [index, item] of value.entries()) {
      if (faults.full) return;
      shape(item, `${path}[${index}]`, faults);
    }
  };
}

export const text: Shape<string> = (value, path, faults) => {
  if (typeof value !== "string") wrongType(value, path, "a string", faults);
  // The kernel and runc take strings that end at the first NUL, so the rest would be checked by us and seen by nobody.
  else if (value.includes("\0")) faults.add(path, "expected a string without NUL");
};

export const flag: Shape<boolean> = (value, path, faults) => {
  if (typeof value !== "boolean") wrongType(value, path, "true or false", faults);
};

/** A string that fits `pattern`; `expected` says what that is. The message shows what came, unless it may be `secret`. */
export function textLike(pattern: RegExp, expected: string, how: { readonly secret?: boolean } = {}): Shape<string> {
  return all(text, (value, path, faults) => {
    if (pattern.test(value)) return;
    faults.add(path, how.secret === true ? `expected ${expected}` : `expected ${expected}, got ${show(value)}`);
  });
}

export function oneOf<const T extends string>(values: readonly T[]): Shape<T> {
  const known: ReadonlySet<unknown> = new Set(values);
  return (value, path, faults) => {
    if (!known.has(value)) faults.add(path, `expected one of ${values.join(", ")}, got ${show(value)}`);
  };
}

/** An integer from `low` to `high`, both included. */
export function integer(low: number, high: number): Shape<number> {
  return range(low, high);
}

/** As {@link integer}, up to 64 bits: a bigint where a double cannot hold it. */
export function wideInteger(low: bigint, high: bigint): Shape<number | bigint> {
  return range(low, high);
}

function range(low: number | bigint, high: number | bigint) {
  return (value: unknown, path: string, faults: Faults): void => {
    if (typeof value !== "bigint" && !(typeof value === "number" && Number.isSafeInteger(value)))
      wrongType(value, path, "an integer", faults);
    else if (value < low || value > high)
      faults.add(path, `expected an integer from ${low} to ${high}, got ${show(value)}`);
  };
}

/** A further rule for what has a shape already. */
export type Rule<in T> = (value: T, path: string, faults: Faults) => void;

/** A shape with further rules, which see the value only when it has the shape. */
export function all<T>(shape: Shape<T>, ...rules: readonly Rule<T>[]): Shape<T> {
  return (value, path, faults) => {
    if (faults.full) return; // a further fault could not be seen below
    const before = faults.found.length;
    shape(value, path, faults);
    for (const rule of rules) if (faults.found.length === before) rule(value as T, path, faults);
  };
}

/** A list in which no two items have the same key. */
export function distinct<T>(
  shape: Shape<readonly T[]>,
  member: string,
  keyOf: (item: T) => unknown,
): Shape<readonly T[]> {
  return all(shape, (items, path, faults) => {
    const seen = new Set<unknown>();
    for (const [index, item] of items.entries()) {
      const key = keyOf(item);
      if (seen.has(key)) faults.add(`${path}[${index}].${member}`, `expected each one once, ${show(key)} comes again`);
      seen.add(key);
    }
  });
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Folds as Go does: case, and the two other characters that fold to s and k. */
function foldName(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function memberPath(path: string, name: string): string {
  if (name.length > MOST_SHOWN || !SIMPLE_NAME.test(name)) return `${path}[${show(name)}]`;
  return path === "" ? name : `${path}.${name}`;
}

function wrongType(value: unknown, path: string, expected: string, faults: Faults): void {
  // What stands in the place of a whole list or object may be a secret, such as a variable in the place of all.
  const whole = expected === "an array" || expected === "an object";
  faults.add(path, `expected ${expected}, got ${whole && typeof value === "string" ? "a string" : show(value)}`);
}

/** A value for a message: short, on one line. */
function show(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object" && value !== null) return "an object";
  if (typeof value !== "string") return String(value);
  return JSON.stringify(value.length > MOST_SHOWN ? `${value.slice(0, MOST_SHOWN)}…` : value);
}
