import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, lstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { parseJson } from "@inclavare/oci";
import * as v from "valibot";
import { PAYLOAD_INDEX_FILE } from "../constants.ts";

/** What the runtime payload consists of: Node, its libraries, init-runelet. Written by the build. */
export interface PayloadIndex {
  readonly release: string;
  /** `x64` or `arm64`. */
  readonly architecture: string;
  /** Version of Node, such as `v24.21.0`. */
  readonly node: string;
  readonly files: readonly PayloadFile[];
}

export interface PayloadFile {
  /** Relative to the payload's folder, with slashes. */
  readonly path: string;
  readonly sizeBytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** An index with the very bytes it was read from, because these are measured. */
export interface LoadedIndex {
  readonly index: PayloadIndex;
  readonly bytes: Uint8Array;
}

const INDEX_LIMIT_BYTES = 1 << 20;
const relativePath = v.pipe(
  v.string(),
  v.regex(/^[^/\0]+(?:\/[^/\0]+)*$/u, "must be a relative path"),
  v.check((path) => !path.split("/").some((name) => name === "." || name === ".."), 'must not contain "." or ".."'),
);
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u, "must be 64 lower-case hexadecimal digits"));
const indexSchema = v.strictObject({
  release: v.string(),
  architecture: v.string(),
  node: v.string(),
  files: v.pipe(
    v.array(
      v.strictObject({ path: relativePath, sizeBytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)), sha256 }),
    ),
    v.maxLength(4096, "must have at most 4096 items"),
    v.check((files) => new Set(files.map(({ path }) => path)).size === files.length, "must not list a file twice"),
  ),
});

/**
 * Reads `payload.json` of a payload's folder. The files themselves are not looked at.
 * @throws ERR_PAYLOAD_MISSING, ERR_PAYLOAD_ALTERED when it is malformed
 */
export function readPayloadIndex(directory: string): PayloadIndex {
  return loadPayloadIndex(directory).index;
}

export function loadPayloadIndex(directory: string): LoadedIndex {
  const path = join(directory, PAYLOAD_INDEX_FILE);
  const bytes = readIndexFile(path);
  const value = parseJson(bytes, { what: path, code: "ERR_PAYLOAD_ALTERED", limitBytes: INDEX_LIMIT_BYTES });
  const result = v.safeParse(indexSchema, value, { abortEarly: true });
  if (result.success) return { index: result.output, bytes };
  const [issue] = result.issues;
  throw new InclavareError("ERR_PAYLOAD_ALTERED", `${path}: ${v.getDotPath(issue) ?? "it"}: ${issue.message}`);
}

function readIndexFile(path: string): Uint8Array {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new InclavareError("ERR_PAYLOAD_MISSING", `there is no payload of init-runelet: cannot open ${path}`, {
      cause,
    });
  }
  try {
    const { size } = fstatSync(file);
    if (size > INDEX_LIMIT_BYTES) {
      throw new InclavareError("ERR_PAYLOAD_ALTERED", `${path} has ${size} bytes, at most ${INDEX_LIMIT_BYTES}`);
    }
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size;) {
      const count = readSync(file, bytes, at, size - at, at);
      if (count === 0) throw new InclavareError("ERR_PAYLOAD_ALTERED", `${path} became shorter while it was read`);
      at += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

/**
 * Checks every file of a payload against its index.
 * @throws ERR_PAYLOAD_MISSING, ERR_PAYLOAD_ALTERED, ERR_FILE
 */
export function verifyPayload(directory: string): PayloadIndex {
  const loaded = loadPayloadIndex(directory);
  assertListed(directory, loaded, fingerprintPayload(directory).files);
  for (const { path, sha256 } of loaded.index.files) {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(join(directory, path));
    } catch (cause) {
      throw new InclavareError("ERR_FILE", `cannot read ${join(directory, path)}`, { cause });
    }
    if (createHash("sha256").update(bytes).digest("hex") !== sha256) {
      throw altered(directory, `${path} has another SHA-256 than its index says`);
    }
  }
  return loaded.index;
}

/**
 * What the file system says of everything in the folder, in one text: two equal ones mean that nothing was replaced in
 * between. Contents are not read.
 * @throws ERR_PAYLOAD_ALTERED for anything but files and directories; ERR_PAYLOAD_MISSING
 */
export function fingerprintPayload(directory: string): { readonly text: string; readonly files: ReadonlySet<string> } {
  const lines: string[] = [];
  const files = new Set<string>();
  const visit = (folder: string): void => {
    for (const name of readdirSync(join(directory, folder)).toSorted()) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const stats = lstatSync(join(directory, path), { bigint: true });
      lines.push([path, stats.dev, stats.ino, stats.mode, stats.size, stats.mtimeNs, stats.ctimeNs].join("\0"));
      if (stats.isDirectory()) visit(path);
      else if (stats.isFile()) files.add(path);
      else throw altered(directory, `${path} is neither a file nor a directory`);
    }
  };
  try {
    visit("");
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    throw new InclavareError("ERR_PAYLOAD_MISSING", `there is no payload of init-runelet in ${directory}`, { cause });
  }
  return { text: lines.join("\n"), files };
}

/** The whole folder reaches the container, so it must hold the index, what the index lists, and nothing else. */
export function assertListed(directory: string, { index }: LoadedIndex, present: ReadonlySet<string>): void {
  const listed = new Set([PAYLOAD_INDEX_FILE, ...index.files.map(({ path }) => path)]);
  const missing = [...listed].find((path) => !present.has(path));
  if (missing !== undefined) throw altered(directory, `${missing} is missing`);
  const surplus = [...present].find((path) => !listed.has(path));
  if (surplus !== undefined) throw altered(directory, `${surplus} is not in its index`);
}

export function altered(directory: string, message: string): InclavareError {
  return new InclavareError("ERR_PAYLOAD_ALTERED", `the payload of init-runelet in ${directory}: ${message}`);
}
