import { readFileSync } from "node:fs";
import { type EnclaveRequest, parseRequest } from "@inclavare/container";
import { STATUS, TtrpcError } from "@inclavare/ttrpc";
import { type Any, typeName } from "./messages/common.ts";
import { runcOptions, runtimeOptions } from "./messages/options.ts";

/** What a container is to be run with, whichever message it came in. Empty texts mean: not said. */
export interface ShimOptions {
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  readonly shimCgroup: string;
  /** Owner of the pipes of standard input and output; undefined: the user of the process. */
  readonly ioUid: number | undefined;
  readonly ioGid: number | undefined;
  /** The low-level runtime, a path or a name; empty: the configuration's. */
  readonly binaryName: string;
  /** State of the low-level runtime; a folder for each namespace below it. */
  readonly root: string;
  readonly systemdCgroup: boolean;
  readonly criuImagePath: string;
  readonly criuWorkPath: string;
  /** What a container gets that asks for no enclave; undefined: what the operator's configuration says. */
  readonly defaultEnclave: EnclaveRequest | undefined;
}

const NONE: ShimOptions = {
  noPivot: false,
  noNewKeyring: false,
  shimCgroup: "",
  ioUid: undefined,
  ioGid: undefined,
  binaryName: "",
  root: "",
  systemdCgroup: false,
  criuImagePath: "",
  criuWorkPath: "",
  defaultEnclave: undefined,
};

/**
 * Reads the runtime options of Create or `start`: none, those of runc's shim, or the table that CRI and dockerd send for a
 * runtime type that they do not know.
 * @throws TtrpcError INVALID_ARGUMENT for another type, or a table that cannot be read
 */
export async function readOptions(options: Any | undefined): Promise<ShimOptions> {
  if (options === undefined) return NONE;
  switch (typeName(options)) {
    case "containerd.runc.v1.Options": {
      const { noPivotRoot, ioUid, ioGid, ...rest } = runcOptions.decode(options.value);
      const owner = { ioUid: ioUid === 0 ? undefined : ioUid, ioGid: ioGid === 0 ? undefined : ioGid };
      return { ...rest, ...owner, noPivot: noPivotRoot, defaultEnclave: undefined };
    }
    case "runtimeoptions.v1.Options": {
      const { configPath, configBody } = runtimeOptions.decode(options.value);
      if (configPath === "" && configBody.length === 0) return NONE;
      return await parseTable(configPath, configPath === "" ? configBody : readTable(configPath));
    }
    default:
      throw invalid(`options of the type ${options.typeUrl} are not known`);
  }
}

function readTable(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw invalid(`cannot read the runtime's options in ${path}`, cause);
  }
}

/** Keys as in the `options` table of containerd's configuration; keys that are not ours are for others to read. */
async function parseTable(path: string, body: Uint8Array): Promise<ShimOptions> {
  const what = path === "" ? "the runtime's options" : path;
  const { parse } = await import("smol-toml");
  let table: Readonly<Record<string, unknown>>;
  try {
    table = parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
  } catch (cause) {
    throw invalid(`${what} is not TOML`, cause);
  }
  const value = <T extends string | number | boolean>(key: string, fallback: T): T => {
    const found = table[key];
    if (found === undefined) return fallback;
    if (typeof found === typeof fallback) return found as T;
    throw invalid(`${what}: ${key} is ${JSON.stringify(found)}, expected a ${typeof fallback}`);
  };
  const owner = (key: string): number | undefined => (table[key] === undefined ? undefined : value(key, 0));
  return {
    noPivot: value("NoPivotRoot", false),
    noNewKeyring: value("NoNewKeyring", false),
    shimCgroup: value("ShimCgroup", ""),
    ioUid: owner("IoUid"),
    ioGid: owner("IoGid"),
    binaryName: value("BinaryName", ""),
    root: value("Root", ""),
    systemdCgroup: value("SystemdCgroup", false),
    criuImagePath: value("CriuImagePath", ""),
    criuWorkPath: value("CriuWorkPath", ""),
    defaultEnclave: table["default_enclave"] === undefined ? undefined : parseDefault(table["default_enclave"], what),
  };
}

/** `[default_enclave]` with `type`, `runtime` and `args`, as in the operator's configuration. */
function parseDefault(value: unknown, what: string): EnclaveRequest {
  const { type, runtime, args = "", ...others } = (value ?? {}) as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(`${what}: [default_enclave] has an unknown key ${unknown}`);
  if (typeof type !== "string" || typeof runtime !== "string" || typeof args !== "string")
    throw invalid(`${what}: [default_enclave] needs the texts type and runtime`);
  try {
    return parseRequest({ type, runtime, runtimeArgs: args });
  } catch (cause) {
    throw invalid(`${what}: [default_enclave] is no request for an enclave: ${(cause as Error).message}`, cause);
  }
}

function invalid(message: string, cause?: unknown): TtrpcError {
  return new TtrpcError(STATUS.invalidArgument, message, { cause });
}
