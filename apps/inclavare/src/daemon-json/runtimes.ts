import { InclavareError } from "@inclavare/errors";
import { parseJson, type WideJson } from "@inclavare/oci";
import { removeMember, setMember } from "./edit.ts";

/** A runtime in Docker's daemon.json. */
export interface DockerRuntime {
  readonly name: string;
  /** Of the program, absolute. */
  readonly path: string;
}

type JsonObject = Readonly<Record<string, WideJson>>;

const LIMIT_BYTES = 1 << 20;

/** What matters here of a daemon.json; an empty text is an empty object. */
export interface DaemonJson {
  /** The entries by name; undefined where the file has no `runtimes`. */
  readonly runtimes: Readonly<Record<string, JsonObject>> | undefined;
  readonly defaultRuntime: string | undefined;
  readonly isEmpty: boolean;
}

/**
 * Parses a daemon.json.
 * @param what names the file in messages
 * @throws ERR_DAEMON_JSON for what is not JSON, with line and column; for a name that comes twice; for `runtimes` or
 *   `default-runtime` of another type than dockerd takes
 */
export function parseDaemonJson(text: string, what: string): DaemonJson {
  const source = text.trim() === "" ? "{}" : text;
  const root = expectObject(parseJson(source, { what, code: "ERR_DAEMON_JSON", limitBytes: LIMIT_BYTES }), what);
  const runtimes = root["runtimes"];
  const defaultRuntime = root["default-runtime"];
  if (defaultRuntime !== undefined && typeof defaultRuntime !== "string") {
    throw new InclavareError("ERR_DAEMON_JSON", `${what}: default-runtime is not a string`);
  }
  return {
    runtimes: runtimes === undefined ? undefined : parseRuntimes(runtimes, `${what}: runtimes`),
    defaultRuntime,
    isEmpty: Object.keys(root).length === 0,
  };
}

function parseRuntimes(value: WideJson, what: string): Readonly<Record<string, JsonObject>> {
  const entries = Object.entries(expectObject(value, what));
  return Object.fromEntries(entries.map(([name, entry]) => [name, expectObject(entry, `${what}.${name}`)]));
}

function expectObject(value: WideJson, what: string): JsonObject {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new InclavareError("ERR_DAEMON_JSON", `${what} is not a JSON object`);
}

/** An entry of a name, or undefined. */
export function runtimeNamed({ runtimes = {} }: DaemonJson, name: string): JsonObject | undefined {
  return Object.hasOwn(runtimes, name) ? runtimes[name] : undefined;
}

/**
 * A daemon.json with a runtime added. Everything else keeps its text.
 * @param text undefined or empty where there is no file yet
 * @throws ERR_DAEMON_JSON; ERR_DAEMON_JSON_TAKEN for an entry of that name with another path, unless forced
 */
export function addRuntime(
  text: string | undefined,
  { name, path }: DockerRuntime,
  { what, isDefault, isForced }: { readonly what: string; readonly isDefault: boolean; readonly isForced: boolean },
): string {
  const document = parseDaemonJson(text ?? "", what);
  const entry = runtimeNamed(document, name);
  if (entry !== undefined && entry["path"] !== path && !isForced) {
    const points = typeof entry["path"] === "string" ? `points to ${entry["path"]}` : "has no path";
    throw new InclavareError(
      "ERR_DAEMON_JSON_TAKEN",
      `${what}: runtimes.${name} ${points}, expected ${path}, or --force`,
    );
  }
  let edited = text === undefined || text.trim() === "" ? "{}\n" : text;
  if (document.runtimes === undefined) edited = setMember(edited, ["runtimes"], { [name]: { path } });
  else if (entry?.["path"] !== path) edited = setMember(edited, ["runtimes", name], { path });
  const mustSetDefault = isDefault && document.defaultRuntime !== name;
  return mustSetDefault ? setMember(edited, ["default-runtime"], name) : edited;
}

/**
 * A daemon.json without a runtime. Everything else keeps its text.
 * @param before what it was before the runtime came: gives back what the runtime took the place of
 */
export function removeRuntime(text: string, name: string, before: DaemonJson, what: string): string {
  const document = parseDaemonJson(text, what);
  if (runtimeNamed(document, name) === undefined) return text;
  const replaced = runtimeNamed(before, name);
  const isLast = Object.keys(document.runtimes ?? {}).length === 1 && before.runtimes === undefined;
  const edited =
    replaced === undefined
      ? removeMember(text, isLast ? ["runtimes"] : ["runtimes", name])
      : setMember(text, ["runtimes", name], replaced);
  if (document.defaultRuntime !== name) return edited;
  const { defaultRuntime } = before;
  const hasNone = defaultRuntime === undefined || (defaultRuntime === name && replaced === undefined);
  return hasNone ? removeMember(edited, ["default-runtime"]) : setMember(edited, ["default-runtime"], defaultRuntime);
}
