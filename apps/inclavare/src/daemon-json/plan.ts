import {
  addRuntime,
  type DaemonJson,
  type DockerRuntime,
  parseDaemonJson,
  removeRuntime,
  runtimeNamed,
} from "./runtimes.ts";
import type { InstallRecord } from "./record.ts";

/** A daemon.json, and what is remembered of our changes to it. Undefined: there is no such file. */
export interface Files {
  readonly text: string | undefined;
  readonly record: InstallRecord | undefined;
}

/** What the files are to become, and what that means for the runtime. */
export interface Plan extends Files {
  readonly outcome: "added" | "removed" | "unchanged" | "kept";
}

/**
 * Plans to add a runtime. Nothing to change leaves both files as they are.
 * @throws what {@link addRuntime} throws
 */
export function planInstall(
  files: Files,
  runtime: DockerRuntime,
  options: { readonly what: string; readonly isDefault: boolean; readonly isForced: boolean },
): Plan {
  const after = addRuntime(files.text, runtime, options);
  if (after === files.text) return { ...files, outcome: "unchanged" };
  const runtimes = { ...files.record?.runtimes, [runtime.name]: runtime.path };
  return { text: after, record: { before: before(files, options.what) ?? null, after, runtimes }, outcome: "added" };
}

/**
 * Plans to take a runtime away that we added. If nobody has edited the file since, it becomes what it was, byte for byte;
 * otherwise only what is ours goes. `kept`: the entry leads to another program now, so it is not ours.
 * @param runtime its path counts where there is no record
 * @throws ERR_DAEMON_JSON
 */
export function planUndo({ text, record }: Files, { name, path }: DockerRuntime, what: string): Plan {
  const { [name]: recorded, ...others } = record?.runtimes ?? {};
  const isLast = Object.keys(others).length === 0;
  const rest = record === undefined || isLast ? undefined : { ...record, runtimes: others };
  if (text === undefined) return { text, record: rest, outcome: "unchanged" };
  if (isLast && recorded !== undefined && text === record?.after) {
    return { text: record.before ?? undefined, record: undefined, outcome: "removed" };
  }
  const entry = runtimeNamed(parseDaemonJson(text, what), name);
  if (entry === undefined) return { text, record: rest, outcome: "unchanged" };
  if (entry["path"] !== (recorded ?? path)) return { text, record, outcome: "kept" };
  const removed = removeRuntime(text, name, stateBefore(record, what), what);
  const isOurs = isLast && record?.before === null && parseDaemonJson(removed, what).isEmpty;
  return { text: isOurs ? undefined : removed, record: rest && { ...rest, after: removed }, outcome: "removed" };
}

/** The file as it would be without anything of ours. */
function before({ text, record }: Files, what: string): string | undefined {
  let files: Files = { text, record };
  for (const [name, path] of Object.entries(record?.runtimes ?? {})) files = planUndo(files, { name, path }, what);
  return files.text;
}

function stateBefore(record: InstallRecord | undefined, what: string): DaemonJson {
  return parseDaemonJson(record?.before ?? "", what);
}
