import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { EnclaveIdentity } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import * as v from "valibot";
import { type ContainerPaths, pathsBelow, rootDirectory } from "./paths.ts";
import { LOG_LEVELS, TEE_TYPES } from "./request.ts";
import { randomUuid } from "./random-uuid.ts";

const strings = v.array(v.string());
const hex64 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u));
const identity = v.object({
  mrEnclave: hex64,
  mrSigner: hex64,
  isvProdId: v.number(),
  isvSvn: v.number(),
  debug: v.boolean(),
  manifestSha256: hex64,
  appImageSha256: hex64,
}) satisfies v.GenericSchema<unknown, EnclaveIdentity>;

const record = v.object({
  version: v.literal(1),
  id: v.string(),
  /** runc's `--root`, absolute. */
  root: v.string(),
  /** The caller's bundle, absolute. */
  bundle: v.string(),
  rootfs: v.string(),
  /** Where runc puts the container's processes, for the case that runc cannot tell any more. */
  cgroups: v.exactOptional(strings),
  /** RFC 3339. */
  created: v.string(),
  /** `creating` while rune works on it (or was killed over it), then `created`, then `running`; runc knows the end. */
  status: v.picklist(["creating", "created", "running"]),
  annotations: v.record(v.string(), v.string()),
  request: v.object({
    type: v.picklist(TEE_TYPES),
    runtime: v.string(),
    runtimeArgs: v.string(),
    logLevel: v.picklist(LOG_LEVELS),
    epcLimitBytes: v.exactOptional(v.number()),
  }),
  /** Hooks that `start` runs in the container. */
  startContainer: v.exactOptional(
    v.array(
      v.object({
        path: v.string(),
        args: v.exactOptional(strings),
        env: v.exactOptional(strings),
        timeout: v.exactOptional(v.number()),
      }),
    ),
  ),
  /** The workload's name after its manifest, and what attesterd measured. */
  workload: v.exactOptional(v.string()),
  identity: v.exactOptional(identity),
  /** What `exec` starts from, as runc starts from the container's own process. */
  process: v.object({
    cwd: v.string(),
    env: strings,
    user: v.object({ uid: v.number(), gid: v.number(), additionalGids: v.exactOptional(v.array(v.number())) }),
    apparmorProfile: v.exactOptional(v.string()),
    selinuxLabel: v.exactOptional(v.string()),
  }),
});

/** What rune keeps about an enclave container, in `state.json` of its folder. */
export type ContainerRecord = v.InferOutput<typeof record>;

/** Writes the record so that a reader sees the old one or the new one, whatever happens. Readable by root only. */
export function writeRecord(paths: ContainerPaths, value: ContainerRecord): void {
  const temporary = `${paths.record}.${randomUuid()}`;
  try {
    writeFileSync(temporary, JSON.stringify(value), { mode: 0o600, flag: "wx" });
    renameSync(temporary, paths.record);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new InclavareError("ERR_FILE", `cannot write ${paths.record}`, { cause });
  }
}

/** @throws ERR_CONTAINER_NOT_FOUND, ERR_CONTAINER_RECORD */
export function readRecord(paths: ContainerPaths): ContainerRecord {
  let text: string;
  try {
    text = readFileSync(paths.record, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT")
      throw new InclavareError("ERR_CONTAINER_NOT_FOUND", "container does not exist", { cause });
    throw new InclavareError("ERR_CONTAINER_RECORD", `cannot read ${paths.record}`, { cause });
  }
  return parseRecord(text, paths.record);
}

/** @throws ERR_CONTAINER_RECORD */
export function parseRecord(text: string, what: string): ContainerRecord {
  try {
    return v.parse(record, JSON.parse(text));
  } catch (cause) {
    throw new InclavareError("ERR_CONTAINER_RECORD", `${what} is not a record of a container`, { cause });
  }
}

/** A container's record with its files. */
export interface FoundContainer {
  readonly record: ContainerRecord;
  readonly paths: ContainerPaths;
}

/**
 * The enclave containers of one root, or, without one, of every root; a folder without a readable record is left out: its
 * container is being made or removed.
 */
export function findContainers(state: string, root?: string): FoundContainer[] {
  const roots = root === undefined ? list(state).map((name) => join(state, name)) : [rootDirectory(state, root)];
  return roots.flatMap((folder) =>
    list(folder).flatMap((id) => {
      const paths = pathsBelow(join(folder, id));
      try {
        return [{ record: readRecord(paths), paths }];
      } catch {
        return [];
      }
    }),
  );
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name)
      .toSorted();
  } catch {
    return [];
  }
}
