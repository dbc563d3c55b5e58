import type { Dirent } from "node:fs";
import { open, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { InclavareError, isInclavareError, toInclavareError } from "@inclavare/errors";

/** One entry of the state directory: a container of rune's that has an enclave, or had one. */
export interface FoundWorkload {
  /** Unique on this node: the folder of the container root, then the container's id. */
  readonly key: string;
  readonly container: string;
  readonly directory: string;
  /** When rune created the container, and what its manifest calls the workload, as rune wrote it: a hint, no proof. */
  readonly created?: string;
  readonly workload?: string;
  /** Set where the entry is damaged: it is listed, and nothing else. */
  readonly error?: InclavareError;
}

/** The socket in a container's state directory on which its workload speaks Enclave-TLS. */
export const ATTEST_SOCKET = "attest.sock";

const STATE_FILE = "state.json";
/** rune names the folder after a hash of its root. */
const ROOT_NAME = /^[0-9a-f]{8,64}$/u;
/** runc's own rule for container ids; "." and ".." are excluded below. */
const CONTAINER_NAME = /^[\w+.-]{1,255}$/u;
const MAX_STATE_BYTES = 1 << 20;
const MAX_WORKLOADS = 1024;

/**
 * Finds the enclave containers under rune's state directory, `<directory>/<hash>/<id>/{state.json,attest.sock}`, sorted
 * by key. Names of another form, links and plain containers are passed over; a missing directory holds nothing.
 * @throws InclavareError ERR_FILE where the directory cannot be read, ERR_WORKLOADS_TOO_MANY
 */
export async function scanWorkloads(directory: string): Promise<FoundWorkload[]> {
  const found: FoundWorkload[] = [];
  for (const root of await listFolders(directory, ROOT_NAME)) {
    for (const container of await listFolders(join(directory, root), CONTAINER_NAME)) {
      if (found.length >= MAX_WORKLOADS) {
        throw new InclavareError("ERR_WORKLOADS_TOO_MANY", `${directory} holds more than ${MAX_WORKLOADS} workloads`);
      }
      const workload = await readEntry(join(directory, root, container), `${root}/${container}`, container);
      if (workload !== undefined) found.push(workload);
    }
  }
  return found.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

async function listFolders(directory: string, form: RegExp): Promise<string[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw new InclavareError("ERR_FILE", `cannot read directory ${directory}`, { cause: error });
  }
  // A Dirent knows the entry itself: a link to a folder is a link, and is passed over.
  return entries
    .filter((entry) => entry.isDirectory() && form.test(entry.name) && !/^\.{1,2}$/u.test(entry.name))
    .map(({ name }) => name);
}

async function readEntry(directory: string, key: string, container: string): Promise<FoundWorkload | undefined> {
  try {
    return { key, container, directory, ...(await readState(join(directory, STATE_FILE), container)) };
  } catch (error) {
    // Without our state file it is no container of ours, unless it has the socket and only lacks the file.
    if (isInclavareError(error, "ERR_FILE_NOT_FOUND") && !(await exists(join(directory, ATTEST_SOCKET))))
      return undefined;
    return { key, container, directory, error: toInclavareError(error) };
  }
}

async function readState(path: string, container: string): Promise<Pick<FoundWorkload, "created" | "workload">> {
  const text = await readBounded(path);
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch (error) {
    throw new InclavareError("ERR_JSON", `${path} is not JSON`, { cause: error });
  }
  const { id, created, workload } = (typeof state === "object" && state !== null ? state : {}) as Record<
    string,
    unknown
  >;
  if (id !== container) throw new InclavareError("ERR_WORKLOAD_STATE", `${path} speaks of another container`);
  return {
    ...(typeof created === "string" ? { created } : {}),
    ...(typeof workload === "string" ? { workload } : {}),
  };
}

async function readBounded(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const { size } = await file.stat();
    if (size > MAX_STATE_BYTES) throw new InclavareError("ERR_WORKLOAD_STATE", `${path} is ${size} bytes`);
    return await file.readFile("utf8");
  } catch (error) {
    if (isInclavareError(error)) throw error;
    throw new InclavareError(isMissing(error) ? "ERR_FILE_NOT_FOUND" : "ERR_FILE", `cannot read ${path}`, {
      cause: error,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR");
}
