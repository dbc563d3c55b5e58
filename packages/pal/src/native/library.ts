import { basename } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { loadNative } from "@inclavare/linux";
import { ELF_MACHINES } from "../elf/elf-file.ts";
import { readLibraryFile } from "../elf/library-file.ts";
import type { PalApiVersion } from "../enclave-runtime.ts";
import { Arena } from "./arena.ts";
import type { Calls, NativeFunction } from "./calls.ts";
import { DEADLINES_MS, type Deadlines } from "./deadlines.ts";
import { type Handle, loadForGood } from "./load-for-good.ts";

const SYMBOLS = {
  1: ["pal_init", "pal_exec", "pal_destroy"],
  2: ["pal_init", "pal_create_process", "pal_exec", "pal_kill", "pal_destroy"],
  3: ["pal_init", "pal_create_process", "pal_exec", "pal_kill", "pal_destroy", "pal_get_local_report"],
} as const satisfies Record<PalApiVersion, readonly string[]>;

export type PalSymbol = (typeof SYMBOLS)[PalApiVersion][number];

/** A loaded PAL library, its functions found. */
export interface Library {
  readonly path: string;
  readonly name: string;
  readonly version: PalApiVersion;
  /** @throws ERR_PAL_UNSUPPORTED for a function that the library's version does not have. */
  find(symbol: PalSymbol): NativeFunction;
}

const RTLD_NOW = 2;

/**
 * Loads a PAL library and checks by name that it has what its version demands, before anything but pal_get_version is
 * called. A library without pal_get_version speaks version 1.
 *
 * @throws ERR_PAL_NOT_FOUND, ERR_PAL_NOT_LIBRARY, ERR_PAL_ARCHITECTURE, ERR_PAL_LOAD, ERR_PAL_SYMBOL, ERR_PAL_VERSION,
 * ERR_DEADLINE
 */
export function openLibrary(path: string, calls: Calls, deadlinesMs: Deadlines = DEADLINES_MS): Library {
  assertLoadable(path);
  const name = basename(path);
  const handle = load(path, calls, deadlinesMs.dlopen);
  const version = expectVersion(name, askVersion(name, handle, calls, deadlinesMs.pal_get_version));
  const functions = new Map<string, NativeFunction>();
  for (const symbol of SYMBOLS[version]) {
    const address = symbolOf(handle, symbol);
    if (address !== undefined) functions.set(symbol, { name: symbol, library: name, address });
  }
  const missing = SYMBOLS[version].filter((symbol) => !functions.has(symbol));
  if (missing.length > 0) {
    const message = `${name} speaks PAL API version ${version} and lacks ${missing.join(", ")}`;
    throw new InclavareError("ERR_PAL_SYMBOL", message, { details: { missing, version } });
  }
  return {
    path,
    name,
    version,
    find(symbol) {
      const found = functions.get(symbol);
      if (found !== undefined) return found;
      throw new InclavareError(
        "ERR_PAL_UNSUPPORTED",
        `${name} speaks PAL API version ${version}, which has no ${symbol}`,
      );
    },
  };
}

/** Says which of several mistakes it is, where the dynamic loader has one line of its own for all of them. */
function assertLoadable(path: string): void {
  const { machine } = readLibraryFile(path);
  const ours = ELF_MACHINES[process.arch === "arm64" ? "arm64" : "x64"];
  if (machine === ours) return;
  throw new InclavareError("ERR_PAL_ARCHITECTURE", `${path} is built for ${machine}, expected ${ours}`, {
    details: { machine },
  });
}

/**
 * dlopen runs what the library wants done when it is loaded, which may crash or hang as any call of it may. Whether it could
 * be loaded, and why not, is told to the thread that asks; this one asks again.
 */
function load(path: string, calls: Calls, timeoutMs: number): Handle {
  const native = loadNative();
  const arena = new Arena(native);
  const address = native.load(null).symbol("dlopen", "void *") as bigint;
  const dlopen = { name: "dlopen", library: basename(path), address };
  calls.callSync(dlopen, { arena, words: [arena.string(path), RTLD_NOW] }, timeoutMs);
  try {
    return loadForGood(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown";
    throw new InclavareError("ERR_PAL_LOAD", `${path} cannot be loaded: ${reason}`, { cause: error });
  }
}

function askVersion(name: string, handle: Handle, calls: Calls, timeoutMs: number): number {
  const address = symbolOf(handle, "pal_get_version");
  if (address === undefined) return 1;
  const target = { name: "pal_get_version", library: name, address };
  return calls.callSync(target, { arena: new Arena(loadNative()), words: [] }, timeoutMs).value;
}

function symbolOf(handle: Handle, symbol: string): bigint | undefined {
  try {
    return handle.symbol(symbol, "void *");
  } catch {
    return undefined;
  }
}

function expectVersion(name: string, version: number): PalApiVersion {
  if (version === 1 || version === 2 || version === 3) return version;
  throw new InclavareError("ERR_PAL_VERSION", `${name} speaks PAL API version ${version}; versions 1, 2 and 3 exist`, {
    details: { version },
  });
}
