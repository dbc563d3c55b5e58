import { readFileSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";
import { parse } from "smol-toml";
import { type EnclaveRequest, parseRequest } from "./request.ts";

/** Where the operator's configuration lies when nobody says otherwise. */
export const DEFAULT_CONFIG_PATH = "/etc/inclavare-containers/config.toml";

/** The operator's configuration; every path is absolute. */
export interface Config {
  readonly rune: {
    /** The low-level runtime: a name that is looked up in PATH, or a path. */
    readonly runtime: string;
    /** Folder of what rune knows about enclave containers. */
    readonly state: string;
    /** Folder of init-runelet's payload. */
    readonly payload: string;
    /** Enclave Runtime PAL libraries that containers may ask for. */
    readonly pals: readonly string[];
    /** Folders in which libraries that a PAL library needs are looked for first. */
    readonly palLibraryPaths: readonly string[];
    /** Whether a container that asks for no enclave is refused (a pod's sandbox is not). */
    readonly requireEnclave: boolean;
    /** What a container gets that asks for nothing (a pod's sandbox does not); left out: nothing. */
    readonly defaultEnclave?: EnclaveRequest;
  };
  readonly attesterd: {
    readonly socket: string;
    /** Folder of the simulated platform's keys. */
    readonly platform: string;
    /** Whose evidence containers get: the simulated platform's, or that of the guest's hardware through configfs-tsm. */
    readonly evidence: "simulated" | "tsm";
    /** Folder of configfs-tsm. */
    readonly tsm: string;
  };
  /** Left out: none are kept. */
  readonly metrics?: {
    /** Folder of the sockets at which shims give theirs. */
    readonly folder: string;
  };
  /** Ordinary images that become enclaves on this node. */
  readonly conversion: {
    /** Folder of the enclaves that were made, for the next container of the same image. */
    readonly cache: string;
    readonly cacheLimitBytes: number;
    /** File of the key that signs them; left out: one of the node's own, which is made when it is needed. */
    readonly signingKey?: string;
  };
}

const MIB = 1024 * 1024;
const DEFAULT_CACHE_MIB = 1024;
const MOST_COUNT = 999_999_999;

/**
 * Reads the configuration. A missing file at the default path means the defaults; a missing file that was named is an
 * error.
 * @param path left out: {@link DEFAULT_CONFIG_PATH}.
 * @throws ERR_CONFIG for an unknown key or a wrong value, ERR_FILE, ERR_FILE_NOT_FOUND.
 */
export function loadConfig(path: string | undefined, defaults: { readonly payload: string }): Config {
  const file = path ?? DEFAULT_CONFIG_PATH;
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    if (!missing) throw new InclavareError("ERR_FILE", `cannot read the configuration ${file}`, { cause });
    if (path !== undefined)
      throw new InclavareError("ERR_FILE_NOT_FOUND", `there is no configuration ${file}`, { cause });
  }
  return parseConfig(text, file, defaults);
}

/** Parses a configuration: strict TOML, known tables, no unknown key. @throws ERR_CONFIG */
export function parseConfig(text: string, file: string, defaults: { readonly payload: string }): Config {
  const reader = new Reader(parseToml(text, file), file);
  const rune = reader.table("rune");
  const shim = reader.table("shim");
  const attesterd = reader.table("attesterd");
  const conversion = reader.table("conversion");
  const metrics = reader.table("metrics");
  const config: Config = {
    rune: {
      runtime: rune.text("runtime", "runc"),
      state: rune.path("state", "/run/rune"),
      payload: rune.path("payload", defaults.payload),
      pals: rune.paths("pals"),
      palLibraryPaths: rune.paths("pal_library_paths"),
      requireEnclave: rune.flag("require_enclave"),
      ...defaultEnclave(rune, file),
    },
    attesterd: {
      socket: attesterd.path("socket", "/run/inclavare/attesterd.sock"),
      platform: attesterd.path("platform", "/var/lib/inclavare/sgx-sim"),
      evidence: evidenceOf(attesterd.text("evidence", "simulated"), file),
      tsm: attesterd.path("tsm", "/sys/kernel/config/tsm/report"),
    },
    ...(metrics.has("folder") ? { metrics: { folder: metrics.path("folder") } } : {}),
    conversion: {
      cache: conversion.path("cache", "/var/cache/inclavare/enclaves"),
      cacheLimitBytes: conversion.count("cache_limit_mib", DEFAULT_CACHE_MIB) * MIB,
      ...(conversion.has("signing_key") ? { signingKey: conversion.path("signing_key") } : {}),
    },
  };
  assertGrouping(shim, file);
  for (const table of [reader, rune, shim, attesterd, conversion, metrics]) table.assertNothingLeft();
  return config;
}

function evidenceOf(word: string, file: string): Config["attesterd"]["evidence"] {
  if (word === "simulated" || word === "tsm") return word;
  throw new InclavareError("ERR_CONFIG", `${file}: [attesterd] evidence is "${word}", expected simulated or tsm`);
}

/** What one containerd-shim-rune-v2 serves: the containers of a pod, and nothing else so far (docs/adr/0015-grouping-by-node.md). */
function assertGrouping(shim: Reader, file: string): void {
  const grouping = shim.text("grouping", "pod");
  if (grouping === "pod") return;
  const reason = grouping === "node" ? "one shim for all pods of a node is not supported" : 'expected "pod"';
  throw new InclavareError("ERR_CONFIG", `${file}: [shim] grouping is ${JSON.stringify(grouping)}: ${reason}`);
}

/** `[rune.default_enclave]` with `type` and `runtime`, and `args` where the runtime wants some. */
function defaultEnclave(rune: Reader, file: string): { readonly defaultEnclave?: EnclaveRequest } {
  if (!rune.has("default_enclave")) return {};
  const table = rune.table("default_enclave");
  const asked = { type: table.text("type"), runtime: table.text("runtime"), runtimeArgs: table.text("args", "") };
  table.assertNothingLeft();
  try {
    return { defaultEnclave: parseRequest(asked) };
  } catch (cause) {
    throw new InclavareError("ERR_CONFIG", `${file}: [rune.default_enclave] is no request for an enclave`, { cause });
  }
}

function parseToml(text: string, what: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text);
  } catch (cause) {
    throw new InclavareError("ERR_CONFIG", `${what} is not TOML`, { cause });
  }
}

/** Takes values out of one table by name and type; what is left over at the end is unknown. */
class Reader {
  readonly #values: Map<string, unknown>;
  readonly #what: string;

  constructor(values: Readonly<Record<string, unknown>>, what: string) {
    this.#values = new Map(Object.entries(values));
    this.#what = what;
  }

  table(key: string): Reader {
    const value = this.#take(key) ?? {};
    if (typeof value !== "object" || Array.isArray(value)) throw this.#wrong(key, "a table", value);
    return new Reader(value as Record<string, unknown>, `${this.#what}: [${key}]`);
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  /** Empty only where that is the fallback. */
  text(key: string, fallback?: string): string {
    const value = this.#take(key) ?? fallback;
    if (typeof value !== "string" || (value === "" && fallback !== ""))
      throw this.#wrong(key, "a string that is not empty", value);
    return value;
  }

  path(key: string, fallback?: string): string {
    const value = this.text(key, fallback);
    if (!value.startsWith("/")) throw this.#wrong(key, "an absolute path", value);
    return value;
  }

  paths(key: string): readonly string[] {
    const value = this.#take(key) ?? [];
    if (!Array.isArray(value) || !value.every(isPath)) throw this.#wrong(key, "a list of absolute paths", value);
    return value;
  }

  count(key: string, fallback: number): number {
    const value = this.#take(key) ?? fallback;
    const isCount = typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MOST_COUNT;
    if (!isCount) throw this.#wrong(key, `an integer from 1 to ${MOST_COUNT}`, value);
    return value;
  }

  flag(key: string): boolean {
    const value = this.#take(key) ?? false;
    if (typeof value !== "boolean") throw this.#wrong(key, "true or false", value);
    return value;
  }

  assertNothingLeft(): void {
    const [key] = this.#values.keys();
    if (key !== undefined) throw new InclavareError("ERR_CONFIG", `${this.#what} has an unknown key ${key}`);
  }

  #take(key: string): unknown {
    const value = this.#values.get(key);
    this.#values.delete(key);
    return value;
  }

  #wrong(key: string, expected: string, actual: unknown): InclavareError {
    return new InclavareError("ERR_CONFIG", `${this.#what} ${key} is ${JSON.stringify(actual)}, expected ${expected}`);
  }
}

function isPath(item: unknown): item is string {
  return typeof item === "string" && item.startsWith("/");
}
