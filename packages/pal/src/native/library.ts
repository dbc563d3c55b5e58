import { basename } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { loadNative, type NativeLibrary } from "@inclavare/linux";

/** What every version has. */
const COMMON_SYMBOLS = ["pal_init", "pal_exec", "pal_destroy"];
const SYMBOLS_V2 = ["pal_create_process", "pal_kill"];
const HIGHEST_VERSION = 3;

export type NativeFunction = ReturnType<ReturnType<NativeLibrary["load"]>["func"]>;

/** A loaded PAL library of version 2, its functions found. */
export interface Library {
  readonly path: string;
  readonly name: string;
  readonly native: NativeLibrary;
  readonly init: NativeFunction;
  readonly createProcess: NativeFunction;
  readonly kill: NativeFunction;
  readonly destroy: NativeFunction;
}

/**
 * Loads a PAL library and checks by name that it has what its version demands, before anything but pal_get_version is
 * called.
 *
 * @throws ERR_PAL_LOAD, ERR_PAL_SYMBOL, ERR_PAL_VERSION (1 and 3 have no binding here yet; others do not exist)
 */
export function openLibrary(path: string): Library {
  const native = loadNative();
  const name = basename(path);
  const handle = load(native, path);
  const has = (symbol: string): boolean => hasSymbol(handle, symbol);
  assertSymbols(name, COMMON_SYMBOLS, has);
  const version = has("pal_get_version") ? Number(handle.func("int pal_get_version()")()) : 1;
  assertVersion(name, version);
  assertSymbols(name, SYMBOLS_V2, has);
  return {
    path,
    name,
    native,
    init: handle.func("int pal_init(void *attributes)"),
    createProcess: handle.func("int pal_create_process(void *arguments)"),
    kill: handle.func("int pal_kill(int pid, int signal)"),
    destroy: handle.func("int pal_destroy()"),
  };
}

type Handle = ReturnType<NativeLibrary["load"]>;

function load(native: NativeLibrary, path: string): Handle {
  try {
    return native.load(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown";
    throw new InclavareError("ERR_PAL_LOAD", `${path} cannot be loaded: ${reason}`, { cause: error });
  }
}

function hasSymbol(handle: Handle, symbol: string): boolean {
  try {
    handle.symbol(symbol);
    return true;
  } catch {
    return false;
  }
}

function assertSymbols(name: string, symbols: readonly string[], has: (symbol: string) => boolean): void {
  const missing = symbols.filter((symbol) => !has(symbol));
  if (missing.length === 0) return;
  throw new InclavareError("ERR_PAL_SYMBOL", `${name} lacks ${missing.join(", ")}`, { details: { missing } });
}

function assertVersion(name: string, version: number): void {
  if (version === 2) return;
  const exists = version >= 1 && version <= HIGHEST_VERSION;
  const why = exists ? "only version 2 is supported" : `versions 1 to ${HIGHEST_VERSION} exist`;
  throw new InclavareError("ERR_PAL_VERSION", `${name} speaks PAL API version ${version}; ${why}`, {
    details: { version },
  });
}
