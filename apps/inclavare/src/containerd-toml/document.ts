import { isDeepStrictEqual } from "node:util";
import { InclavareError } from "@inclavare/errors";
import { parse } from "smol-toml";

export type Table = Readonly<Record<string, unknown>>;

const LIMIT_BYTES = 1 << 20;
/** Where the CRI plugin keeps its runtimes, by the version of the configuration. */
const RUNTIMES = {
  2: ["plugins", "io.containerd.grpc.v1.cri", "containerd", "runtimes"],
  3: ["plugins", "io.containerd.cri.v1.runtime", "containerd", "runtimes"],
} as const;
export type ConfigVersion = keyof typeof RUNTIMES;

/** What matters here of containerd's configuration. */
export interface ContainerdConfig {
  readonly version: ConfigVersion;
  readonly root: Table;
  /** The CRI plugin's runtimes; undefined where the file names none. */
  readonly runtimes: Table | undefined;
  readonly imports: readonly string[];
  /** Whether the CRI plugin is switched off, as Docker's packages do. */
  readonly isCriDisabled: boolean;
}

/** Path of the runtimes' tables. */
export function runtimesPath(version: ConfigVersion): readonly string[] {
  return RUNTIMES[version];
}

/** @throws ERR_CONTAINERD_CONFIG for what is not TOML, is too large, or has something else where runtimes should be */
export function parseContainerdConfig(text: string, what: string): ContainerdConfig {
  const root = parseTable(text, what);
  const { version = 1, imports = [], disabled_plugins: disabled = [] } = root;
  if (version !== 2 && version !== 3) {
    const found =
      root["version"] === undefined
        ? "has no version, so it is of version 1"
        : "is of a version that is not known here";
    throw invalid(`${what} ${found}; versions 2 and 3 are understood (containerd config migrate makes one)`);
  }
  if (!isStrings(imports) || !isStrings(disabled))
    throw invalid(`${what}: imports or disabled_plugins is no list of strings`);
  let runtimes: unknown = root;
  for (const [depth, step] of RUNTIMES[version].entries()) {
    if (!isTable(runtimes)) throw invalid(`${what}: ${RUNTIMES[version].slice(0, depth).join(".")} is not a table`);
    runtimes = runtimes[step];
    if (runtimes === undefined) break;
  }
  if (runtimes !== undefined && !isTable(runtimes)) throw invalid(`${what}: the CRI plugin's runtimes are not a table`);
  const isCriDisabled = disabled.some((name) => name === "cri" || RUNTIMES[version][1] === name);
  return { version, root, runtimes, imports, isCriDisabled };
}

/** @throws ERR_CONTAINERD_CONFIG */
export function parseTable(text: string, what: string): Table {
  if (Buffer.byteLength(text) > LIMIT_BYTES) throw invalid(`${what} has more than ${LIMIT_BYTES} bytes`);
  try {
    return parse(text, { integersAsBigInt: "asNeeded" });
  } catch (cause) {
    throw invalid(`${what} is not TOML`, cause);
  }
}

export function isTable(value: unknown): value is Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A runtime by its name, or undefined. */
export function runtimeNamed({ runtimes = {} }: Pick<ContainerdConfig, "runtimes">, name: string): unknown {
  return Object.hasOwn(runtimes, name) ? runtimes[name] : undefined;
}

/** Whether two values of TOML say the same; tables made by hand and parsed ones have different prototypes. */
export function isSame(one: unknown, other: unknown): boolean {
  return isDeepStrictEqual(plain(one), plain(other));
}

function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Date) return value.toISOString();
  if (!isTable(value)) return value;
  return new Map(
    Object.entries(value)
      .map(([key, item]) => [key, plain(item)] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

export function invalid(message: string, cause?: unknown): InclavareError {
  return new InclavareError("ERR_CONTAINERD_CONFIG", message, cause === undefined ? {} : { cause });
}

function isStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
