import { existsSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { type Command, type CommandContext, defineCommand } from "@inclavare/cli";
import { installation, SUPPORTED_RUNTIMES, TEE_TYPES, type TeeType } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";
import { assertTaken, Daemon } from "../containerd-toml/daemon.ts";
import { parseContainerdConfig, type Table } from "../containerd-toml/document.ts";
import { assertHandlers } from "../containerd-toml/handlers.ts";
import { SERVICE_PATH, SHIM } from "../containerd-toml/names.ts";
import { type Plan, planInstall, planUndo, type State, type Texts } from "../containerd-toml/plan.ts";
import { formatRecord, parseRecord } from "../containerd-toml/record.ts";
import { formatDiff } from "../host-files/diff.ts";
import { readFileIfThere, replaceFile, resolveFile } from "../host-files/files.ts";
import { formatOption, printResult } from "../options/output.ts";

const CONFIG = "/etc/containerd/config.toml";
const OPTIONS_FOLDER = "/etc/inclavare-containers";
const RECORD_SUFFIX = ".inclavare";
const DEFAULT_HANDLERS = ["rune", ...SUPPORTED_RUNTIMES.map((runtime) => `rune-${runtime}`)];

const options = {
  config: { type: "string", value: "FILE", help: `containerd's configuration (default: ${CONFIG})` },
  handler: {
    type: "string",
    value: "NAME",
    multiple: true,
    help: `a runtime that is wanted, may be repeated (default: ${DEFAULT_HANDLERS.join(" and ")})`,
  },
  tee: {
    type: "string",
    value: "TYPE",
    choices: TEE_TYPES,
    help: "TEE of a handler's default enclave (default: simulated)",
  },
  "options-dir": { type: "string", value: "DIR", help: `folder of the handlers' options (default: ${OPTIONS_FOLDER})` },
  path: { type: "string", value: "FILE", help: "the shim, absolute (default: that of this installation)" },
  force: { type: "boolean", help: "replace what others have made of the same names" },
  undo: { type: "boolean", help: "take out what was put in, and nothing else" },
  "dry-run": { type: "boolean", help: "show the difference, change nothing" },
  ...formatOption,
} as const;
type Values = CommandContext<typeof options>["values"];

/** `inclavare install containerd`: makes rune's shim a runtime of containerd, for Kubernetes and others. */
export function createInstallContainerdCommand(environment: NodeJS.ProcessEnv): Command {
  return defineCommand({
    name: "install containerd",
    summary: "makes rune's shim a runtime of containerd, in its config.toml",
    positionals: [],
    options,
    notes: [
      "Version 2 of the configuration gets the runtimes in the file itself, version 3 in conf.d/inclavare.toml, which it imports.",
      "Everything else stays as it is. What was before is kept beside it, in config.toml.inclavare, for --undo. Where containerd",
      "is installed, its own reading of the result is compared, and a change that it would not take is taken back.",
    ].join("\n"),
    async run({ stdout, values }) {
      const config = resolveFile(values.config ?? CONFIG);
      const recordPath = `${config}${RECORD_SUFFIX}`;
      const recorded = readFileIfThere(recordPath, "record");
      const read = (path: string): string | undefined => readFileIfThere(path, "configuration");
      const record = recorded === undefined ? undefined : parseRecord(recorded, recordPath);
      const state: State = { config, read, record };
      const daemon = Daemon.find(environment["PATH"]);
      const plan = values.undo ? planUndoOf(state, values) : planInstallOf(state, values, daemon);
      const diff = [...plan.texts].map(([path, after]) => formatDiff(path, read(path), after)).join("");
      if (!values["dry-run"]) apply(plan, state, { recordPath, daemon });
      if (values["dry-run"] && values.format !== "json") {
        stdout.write(diff === "" ? `${config}: nothing to change\n` : diff);
        return;
      }
      const next = plan.outcome === "unchanged" ? undefined : "systemctl restart containerd (running containers go on)";
      const handlers = Object.keys((plan.record ?? record)?.runtimes ?? {}).filter((name) => name !== "runc");
      const notes = notesOf(plan, state, values, daemon);
      printResult(stdout, values, {
        json: {
          file: config,
          handlers,
          outcome: plan.outcome,
          next: next ?? null,
          notes,
          kept: plan.kept,
          diff,
          dryRun: values["dry-run"],
        },
        rows: [
          [
            plan.outcome,
            handlers.length === 0 ? `nothing of ours was in ${config}` : `runtimes ${handlers.join(", ")} in ${config}`,
          ],
          ...notes.map((note) => ["note", note] as const),
          ["next", next],
        ],
      });
    },
  });
}

/** @throws ERR_USAGE */
function planUndoOf(state: State, values: Values): Plan {
  if (values.force || values.handler.length > 0 || values.tee !== undefined || values.path !== undefined)
    throw new InclavareError(
      "ERR_USAGE",
      "--undo stands alone: --handler, --tee, --path and --force are for installing",
    );
  return planUndo(state);
}

/** @throws ERR_USAGE, ERR_REQUEST_UNSUPPORTED, ERR_FILE_NOT_FOUND, and what {@link planInstall} throws */
function planInstallOf(state: State, values: Values, daemon: Daemon | undefined): Plan {
  const { "options-dir": optionsFolder = OPTIONS_FOLDER } = values;
  const tee = (values.tee ?? "simulated") as TeeType;
  const names = values.handler.length === 0 ? DEFAULT_HANDLERS : values.handler;
  assertHandlers(names);
  if (tee === "intelSgx")
    throw new InclavareError(
      "ERR_USAGE",
      "--tee intelSgx: handlers have built-in runtimes, which do not run on intelSgx",
    );
  const shim = values.path ?? join(installation().bin, SHIM);
  for (const path of [shim, optionsFolder])
    if (!isAbsolute(path)) throw new InclavareError("ERR_USAGE", `${path} is no absolute path`);
  if (!existsSync(shim)) throw new InclavareError("ERR_FILE_NOT_FOUND", `the shim ${shim} is not there`);
  const isFound = SERVICE_PATH.some((folder) => join(folder, SHIM) === shim);
  const wishes = { names, tee, optionsFolder, shimPath: isFound ? undefined : shim };
  return planInstall(state, { wishes, newVersion: daemon?.configVersion() ?? 2, isForced: values.force });
}

interface Places {
  readonly recordPath: string;
  readonly daemon: Daemon | undefined;
}

/** Writes the plan. The record comes first and goes last, so that whatever stops us, undo knows of all that was done. */
function apply(plan: Plan, state: State, { recordPath, daemon }: Places): void {
  const { config, read } = state;
  if (plan.texts.size === 0 && plan.record === state.record) return;
  const before = new Map([...plan.texts.keys()].map((path) => [path, read(path)]));
  const known = daemon !== undefined && read(config) !== undefined ? daemon.runtimesOf(config) : undefined;
  const writeRecord = (record: Plan["record"]): void => {
    if (record === undefined && !existsSync(recordPath)) return;
    replaceFile(recordPath, record && formatRecord(record), statSync(config, { throwIfNoEntry: false }));
  };
  const isInstalling = plan.outcome === "added";
  if (isInstalling) writeRecord(plan.record);
  try {
    // What the configuration leads to is there before it does, and gone after.
    write(plan.texts, config, isInstalling ? "last" : "first");
    if (isInstalling && daemon !== undefined)
      assertTaken(daemon.runtimesOf(config), withoutOurs(known, state), plan.record?.runtimes ?? {}, config);
  } catch (error) {
    write(before, config, "first");
    writeRecord(state.record);
    throw error;
  }
  if (!isInstalling) writeRecord(plan.record);
}

/** Those of ours that are not wanted any more may go. */
function withoutOurs(known: Table = {}, { record }: State): Table {
  return Object.fromEntries(Object.entries(known).filter(([name]) => !(name in (record?.runtimes ?? {}))));
}

function write(texts: Texts, config: string, when: "first" | "last"): void {
  const sign = when === "last" ? 1 : -1;
  const ordered = [...texts].toSorted(([one], [other]) => sign * (Number(one === config) - Number(other === config)));
  for (const [path, text] of ordered) replaceFile(path, text, statSync(path, { throwIfNoEntry: false }));
}

function notesOf(plan: Plan, { config, read }: State, values: Values, daemon: Daemon | undefined): string[] {
  const text = plan.texts.get(config) ?? read(config);
  const isOff = !values.undo && text !== undefined && parseContainerdConfig(text, config).isCriDisabled;
  return [
    ...plan.kept.map((path) => `${path} was edited since; it stays`),
    ...(isOff ? ["disabled_plugins switches the CRI plugin off: Kubernetes needs it, ctr and nerdctl do not"] : []),
    ...(daemon === undefined && !values.undo
      ? ["containerd is not in PATH; its reading of the result was not compared"]
      : []),
  ];
}
