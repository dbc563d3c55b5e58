import { InclavareError, type ErrorCode } from "@inclavare/errors";

/** What is wrong with a value, and where: `path` is like `$.linux.namespaces[0].type`. */
interface Fault {
  readonly path: string;
  readonly rule: string;
}

/** A check of one value; `undefined` when it holds. */
export type Shape = (value: unknown, path: string) => Fault | undefined;

/** How a known member of an object is checked. */
export interface Member {
  readonly shape: Shape;
  readonly required: boolean;
}

const SIMPLE_NAME = /^[A-Za-z_][\w-]*$/u;

/** Throws `code` with path and rule when `value` has not the shape. Removes members that are null, see {@link record}. */
export function checkShape(value: unknown, shape: Shape, what: string, code: ErrorCode): void {
  const fault = shape(value, "$");
  if (fault === undefined) return;
  throw new InclavareError(code, `${what}: ${fault.path} ${fault.rule}`, {
    details: { path: fault.path, rule: fault.rule },
  });
}

export function required(shape: Shape): Member {
  return { shape, required: true };
}

export function optional(shape: Shape): Member {
  return { shape, required: false };
}

/**
 * An object with known members. Others stay as they are, with one exception: Go's JSON decoder, which runc uses, finds
 * members without regard to case, so a member `Process` would override the `process` that was checked. Such names are
 * refused. A known member that is null counts as absent, as in Go, and is removed.
 */
export function record(members: Readonly<Record<string, Member>>): Shape {
  const folded = new Map(Object.keys(members).map((name) => [foldName(name), name]));
  return (value, path) => {
    if (!isObject(value)) return wrongType(value, path, "an object");
    for (const name of Object.keys(value)) {
      const known = folded.get(foldName(name));
      if (known !== undefined && known !== name) {
        return { path: memberPath(path, name), rule: `must be written ${known}` };
      }
    }
    for (const [name, member] of Object.entries(members)) {
      if (value[name] === null) delete value[name];
      const item = value[name];
      if (item === undefined) {
        if (member.required) return { path: memberPath(path, name), rule: "must be there" };
        continue;
      }
      const fault = member.shape(item, memberPath(path, name));
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}

/** An object whose names are free and whose values all have one shape. */
export function mapOf(shape: Shape): Shape {
  return (value, path) => {
    if (!isObject(value)) return wrongType(value, path, "an object");
    return firstFault(Object.entries(value), ([name, item]) => shape(item, memberPath(path, name)));
  };
}

export function listOf(shape: Shape): Shape {
  return (value, path) => {
    if (!Array.isArray(value)) return wrongType(value, path, "an array");
    return firstFault(value.entries(), ([index, item]) => shape(item, `${path}[${index}]`));
  };
}

export const text: Shape = (value, path) => {
  if (typeof value !== "string") return wrongType(value, path, "a string");
  // The kernel and runc take strings that end at the first NUL, so the rest would be checked by us and seen by nobody.
  return value.includes("\0") ? { path, rule: "must not contain a NUL" } : undefined;
};

export const flag: Shape = (value, path) =>
  typeof value === "boolean" ? undefined : wrongType(value, path, "a boolean");

/** A string that fits `pattern`; `rule` completes "must be …". */
export function textLike(pattern: RegExp, rule: string): Shape {
  return (value, path) =>
    text(value, path) ??
    (pattern.test(value as string) ? undefined : { path, rule: `must be ${rule}, it is ${quote(value)}` });
}

export function oneOf(values: readonly string[]): Shape {
  return (value, path) =>
    typeof value === "string" && values.includes(value)
      ? undefined
      : { path, rule: `must be one of ${values.join(", ")}, it is ${quote(value)}` };
}

/** An integer from `low` to `high`, both included. */
export function integer(low: number | bigint, high: number | bigint): Shape {
  return (value, path) => {
    const whole = typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value));
    if (!whole) return wrongType(value, path, "an integer");
    return value >= low && value <= high ? undefined : { path, rule: `must be from ${low} to ${high}, it is ${value}` };
  };
}

export function all(...shapes: readonly Shape[]): Shape {
  return (value, path) => firstFault(shapes, (shape) => shape(value, path));
}

/** For a shape that refers to itself, and for what holds of a whole object. */
export function rule(holds: (value: Readonly<Record<string, unknown>>) => string | undefined): Shape {
  return (value, path) => {
    const broken = isObject(value) ? holds(value) : undefined;
    return broken === undefined ? undefined : { path, rule: broken };
  };
}

function firstFault<T>(items: Iterable<T>, check: (item: T) => Fault | undefined): Fault | undefined {
  for (const item of items) {
    const fault = check(item);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Folds as Go does: case, and the two other characters that fold to s and k. */
function foldName(name: string): string {
  return name.toUpperCase().toLowerCase();
}

function memberPath(path: string, name: string): string {
  return SIMPLE_NAME.test(name) ? `${path}.${name}` : `${path}[${JSON.stringify(name)}]`;
}

function wrongType(value: unknown, path: string, expected: string): Fault {
  const actual = Array.isArray(value) ? "an array" : value === null ? "null" : `a ${typeof value}`;
  return { path, rule: `must be ${expected}, it is ${actual}` };
}

function quote(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : typeof value;
}
