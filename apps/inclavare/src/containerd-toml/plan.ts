import { dirname, join, matchesGlob, resolve } from "node:path";
import { InclavareError } from "@inclavare/errors";
import {
  type ContainerdConfig,
  invalid,
  isSame,
  parseContainerdConfig,
  runtimeNamed,
  runtimesPath,
} from "./document.ts";
import { addImport, addRuntimes, removeRuntimes, renderRuntimes, type Runtimes } from "./edit.ts";
import { describeHandlers, type HandlerFiles, type HandlerWishes } from "./handlers.ts";
import type { InstallRecord } from "./record.ts";

/** Texts of files by path; undefined is one that is not there. */
export type Texts = ReadonlyMap<string, string | undefined>;

export interface State {
  /** Of containerd's configuration. */
  readonly config: string;
  /** Gives a file's text as it is now. */
  readonly read: (path: string) => string | undefined;
  readonly record: InstallRecord | undefined;
}

export interface Plan {
  /** What files are to become; those that stay as they are, are left out. */
  readonly texts: Texts;
  readonly record: InstallRecord | undefined;
  readonly outcome: "added" | "removed" | "unchanged";
  /** Files that somebody has edited since, and that therefore stay. */
  readonly kept: readonly string[];
}

export interface InstallOptions {
  readonly wishes: HandlerWishes;
  /** Of a configuration that is not there yet. */
  readonly newVersion: 2 | 3;
  /** Replaces what is of another's making. */
  readonly isForced: boolean;
}

/** The file with our runtimes beside a configuration of version 3. */
export function dropInOf(config: string): string {
  return join(dirname(config), "conf.d", "inclavare.toml");
}

/**
 * Plans to add handlers, whatever of ours is there already: what is not wanted any more goes. In a configuration of version 2
 * they become tables of the file itself, for containerd 1.6 and 1.7 forget a plugin's whole section when an imported file has
 * one; in version 3 they come in a file of their own, which is imported.
 * @throws ERR_CONTAINERD_CONFIG, ERR_CONTAINERD_CONFIG_TAKEN
 */
export function planInstall(state: State, { wishes, newVersion, isForced }: InstallOptions): Plan {
  const now = state.read(state.config);
  const undone = planUndo(state);
  const base = undone.texts.has(state.config) ? undone.texts.get(state.config) : now;
  const text = base ?? `version = ${newVersion}\n`;
  const config = parseContainerdConfig(text, state.config);
  const files = describeHandlers(config, wishes);
  const wanted = new Map<string, string | undefined>([
    ...undone.texts,
    ...optionTexts(state, files, isForced),
    ...(config.version === 2
      ? [[state.config, withTables(state, text, config, files.runtimes, isForced)] as const]
      : withDropIn(state, text, config, files.runtimes, isForced)),
  ]);
  const texts = new Map(
    [...wanted].filter(([path, after]) => !isSameFile(path, state.read(path), after, state.config)),
  );
  if (texts.size === 0) return { texts, record: state.record, outcome: "unchanged", kept: [] };
  const before = (path: string): string | null => {
    const known = state.record?.files[path];
    if (path === state.config) return base ?? null;
    return known === undefined ? (state.read(path) ?? null) : known.before;
  };
  const ours = [...wanted].filter(([, after]) => after !== undefined);
  const record = {
    files: Object.fromEntries(ours.map(([path, after]) => [path, { before: before(path), after: after ?? "" }])),
    runtimes: files.runtimes,
  };
  return { texts, record, outcome: "added", kept: [] };
}

/** Where the same runtimes stand in another place because somebody has edited the file, that is no change. */
function isSameFile(path: string, now: string | undefined, after: string | undefined, config: string): boolean {
  if (now === after) return true;
  if (path !== config || now === undefined || after === undefined) return false;
  return isSame(parseContainerdConfig(now, path).root, parseContainerdConfig(after, path).root);
}

/** An operator may have edited options; they are for that. */
function optionTexts(
  state: State,
  { options }: HandlerFiles,
  isForced: boolean,
): readonly (readonly [string, string])[] {
  return [...options].map(([path, text]) => {
    const now = state.read(path);
    const isEdited = now !== undefined && now !== state.record?.files[path]?.after;
    return [path, isEdited && !isForced ? now : text] as const;
  });
}

function withTables(
  state: State,
  text: string,
  config: ContainerdConfig,
  runtimes: Runtimes,
  isForced: boolean,
): string {
  const taken = Object.keys(runtimes).filter((name) => runtimeNamed(config, name) !== undefined);
  const foreign = taken.find(
    (name) => !isSame(runtimeNamed(config, name), runtimes[name]) && !isInstalled(state, name),
  );
  if (foreign !== undefined && !isForced)
    throw isTaken(`${state.config}: there is a runtime ${foreign} with another meaning`);
  return addRuntimes(removeRuntimes(text, taken, state.config), runtimes, state.config);
}

/** Whether a runtime is now what we made of it: then whoever was there before has been replaced already. */
function isInstalled({ config, read, record }: State, name: string): boolean {
  const ours = record?.runtimes[name];
  const now = read(config);
  return (
    ours !== undefined && now !== undefined && isSame(runtimeNamed(parseContainerdConfig(now, config), name), ours)
  );
}

function withDropIn(
  state: State,
  text: string,
  config: ContainerdConfig,
  runtimes: Runtimes,
  isForced: boolean,
): readonly (readonly [string, string])[] {
  const path = dropInOf(state.config);
  const now = state.read(path);
  if (now !== undefined && now !== state.record?.files[path]?.after && !isForced) {
    const isOurs = isSame(parseContainerdConfig(now, path).runtimes, runtimes);
    if (!isOurs) throw isTaken(`${path} is there, and is not what was installed`);
  }
  const foreign = Object.keys(runtimes).find((name) => runtimeNamed(config, name) !== undefined);
  if (foreign !== undefined) throw invalid(`${state.config}: there is a runtime ${foreign} already; take it out first`);
  const isImported = config.imports.some((pattern) => matchesGlob(path, resolve(dirname(state.config), pattern)));
  return [
    [path, `version = 3\n\n${renderRuntimes(runtimes, runtimesPath(3))}`],
    ...(isImported ? [] : [[state.config, addImport(text, importOf(path), state.config)] as const]),
  ];
}

/** A pattern, for containerd does not start when a file is missing that was named as such. */
function importOf(dropIn: string): string {
  return dropIn.replace(/\.toml$/u, "*.toml");
}

function isTaken(message: string): InclavareError {
  return new InclavareError("ERR_CONTAINERD_CONFIG_TAKEN", `${message}, or --force`);
}

/**
 * Plans to take out what we put in. A file that nobody has edited since becomes what it was, byte for byte; from an edited
 * configuration only our tables go; other edited files stay.
 * @throws ERR_CONTAINERD_CONFIG
 */
export function planUndo({ config, read, record }: State): Plan {
  const texts = new Map<string, string | undefined>();
  const kept: string[] = [];
  for (const [path, { before, after }] of Object.entries(record?.files ?? {})) {
    const now = read(path);
    if (now === undefined || now === before) continue;
    if (now === after) texts.set(path, before ?? undefined);
    else if (path === config) texts.set(path, withoutOurs(now, record?.runtimes ?? {}, path));
    else kept.push(path);
  }
  const changed = new Map([...texts].filter(([path, text]) => text !== read(path)));
  return { texts: changed, record: undefined, outcome: changed.size > 0 ? "removed" : "unchanged", kept };
}

/** A runtime that somebody has given another meaning since is theirs. */
function withoutOurs(text: string, runtimes: Runtimes, what: string): string {
  const config = parseContainerdConfig(text, what);
  const names = Object.keys(runtimes).filter(
    (name) => name !== "runc" && isSame(runtimeNamed(config, name), runtimes[name]),
  );
  return removeRuntimes(text, names, what);
}
