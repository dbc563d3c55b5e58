import * as v from "valibot";
import { isSignalName } from "./signals.ts";
import type { EnclaveManifest } from "./types.ts";

const MAX_PATH_BYTES = 4095;
const MAX_TEXT_BYTES = 131_072;
const MAX_LIST = 4096;
/** 64 GiB: an enclave of that size is the largest that the measurement's layout allows. */
const MAX_MEMORY_BYTES = 2 ** 36;

/** Strings that survive UTF-8 and C: no lone surrogate, no NUL. */
const text = v.pipe(
  v.string(),
  v.maxLength(MAX_TEXT_BYTES, `must have at most ${MAX_TEXT_BYTES} characters`),
  v.check((value) => value.isWellFormed() && !value.includes("\0"), "must be Unicode text without NUL"),
);
const label = v.pipe(text, v.maxLength(256, "must have at most 256 characters"));
const path = v.pipe(
  text,
  v.regex(/^\/(?:[^/]+(?:\/[^/]+)*)?$/u, "must be an absolute path without // and without a slash at the end"),
  v.check((value) => !/\/\.{1,2}(?:\/|$)/u.test(value), 'must not contain "." or ".."'),
  v.check((value) => Buffer.byteLength(value) <= MAX_PATH_BYTES, `must have at most ${MAX_PATH_BYTES} bytes`),
);
const mountPoint = v.pipe(path, v.minLength(2, "must not be the root"));
const name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/u, "must be 1 to 128 letters, digits, dots, dashes and underscores"),
);
const variable = v.pipe(text, v.regex(/^[^=]+$/u, "must be a variable's name: not empty, without ="));
const signal = v.pipe(v.string(), v.check(isSignalName, "must be the name of a signal, such as TERM"));
const keyHash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u, "must be 64 lower-case hexadecimal digits"));

const texts = v.pipe(v.array(text), v.maxLength(MAX_LIST, `must have at most ${MAX_LIST} items`));

function setOf(item: v.GenericSchema<string>) {
  return v.pipe(
    v.array(item),
    v.maxLength(MAX_LIST, `must have at most ${MAX_LIST} items`),
    v.check((items: string[]) => isDistinct(items), "must not list anything twice"),
  );
}

function integer(low: number, high: number) {
  return v.pipe(
    v.number(),
    v.integer("must be an integer"),
    v.minValue(low, `must be at least ${low}`),
    v.maxValue(high, `must be at most ${high}`),
  );
}

const secrets = v.pipe(
  v.array(v.strictObject({ name, path: mountPoint })),
  v.maxLength(MAX_LIST, `must have at most ${MAX_LIST} items`),
  v.check((items) => isDistinct(items.map((item) => item.name)), "must not name a secret twice"),
  v.check((items) => isDistinct(items.map((item) => item.path)), "must not have two secrets at one path"),
);

const members = v.strictObject({
  version: v.literal(1),
  runtime: v.literal("wasm"),
  workload: name,
  owner: label,
  entrypoint: v.pipe(
    texts,
    v.minLength(1, "must name a program"),
    v.check((items) => v.is(mountPoint, items[0]), "must begin with the program's absolute path in the image"),
  ),
  args: v.union([v.strictObject({ fixed: texts }), v.strictObject({ fromOutside: v.literal(true) })]),
  cwd: path,
  user: v.strictObject({ uid: integer(0, 0x7fff_ffff), gid: integer(0, 0x7fff_ffff) }),
  env: v.strictObject({ fixed: v.record(variable, text), fromOutside: setOf(variable) }),
  mounts: v.strictObject({ memory: setOf(mountPoint), fromOutside: setOf(mountPoint) }),
  hostFiles: setOf(mountPoint),
  secrets,
  verifiers: setOf(keyHash),
  exec: v.boolean(),
  hooks: v.boolean(),
  stdin: v.boolean(),
  signals: setOf(signal),
  memoryBytes: v.pipe(integer(65_536, MAX_MEMORY_BYTES), v.multipleOf(4096, "must be a multiple of 4096")),
  threads: integer(1, 1024),
  debug: v.boolean(),
  product: v.strictObject({ id: integer(0, 0xffff), svn: integer(0, 0xffff) }),
  rlimits: v.strictTuple([]),
});

/** The rules of an enclave manifest, those between members last. */
export const manifestSchema: v.GenericSchema<EnclaveManifest> = v.pipe(
  members,
  v.check(
    ({ env }) => env.fromOutside.every((name) => !Object.hasOwn(env.fixed, name)),
    "env: must not have a variable both fixed and from outside",
  ),
  v.check(
    ({ secrets: named, verifiers }) => named.length === 0 || verifiers.length > 0,
    "verifiers: must name at least one key, because there are secrets that somebody has to bring",
  ),
  v.check(
    ({ mounts, hostFiles }) => mounts.fromOutside.length === 0 && hostFiles.length === 0,
    "mounts.fromOutside and hostFiles: must be empty, because the runtime wasm shows the application nothing of the host",
  ),
);

function isDistinct(values: readonly string[]): boolean {
  return new Set(values).size === values.length;
}
