import { accessSync, constants, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { type CommandContext, defineCommand } from "@inclavare/cli";
import { installation } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";
import { formatDiff } from "../host-files/diff.ts";
import { readFileIfThere, replaceFile, resolveFile } from "../host-files/files.ts";
import { type Files, type Plan, planInstall, planUndo } from "../daemon-json/plan.ts";
import { formatRecord, parseRecord } from "../daemon-json/record.ts";
import type { DockerRuntime } from "../daemon-json/runtimes.ts";
import { formatOption, printResult } from "../options/output.ts";

const DAEMON_JSON = "/etc/docker/daemon.json";
const RECORD_SUFFIX = ".inclavare";
/** What dockerd would take for a name of its own is left out. */
const NAME = /^(?!runc$|io\.containerd\.)[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/u;

const options = {
  "daemon-json": { type: "string", value: "FILE", help: `dockerd's configuration (default: ${DAEMON_JSON})` },
  name: { type: "string", value: "NAME", help: "what docker run --runtime=NAME will say (default: rune)" },
  path: { type: "string", value: "FILE", help: "the program, absolute (default: the rune of this installation)" },
  default: { type: "boolean", help: "make it the runtime of every container that names none" },
  force: { type: "boolean", help: "replace an entry of that name that has another path" },
  undo: { type: "boolean", help: "take out what was put in, and nothing else" },
  "dry-run": { type: "boolean", help: "show the difference, change nothing" },
  ...formatOption,
} as const;
type Values = CommandContext<typeof options>["values"];

/** `inclavare install docker`: makes rune one of Docker's runtimes. */
export const installDockerCommand = defineCommand({
  name: "install docker",
  summary: "makes rune one of Docker's runtimes, in daemon.json",
  positionals: [],
  options,
  notes: [
    "Everything else in the file stays as it is. What it was before is kept beside it, in daemon.json.inclavare, for",
    "--undo. dockerd does not start where the flag --default-runtime is given as well as what --default writes.",
  ].join("\n"),
  async run({ stdout, values }) {
    const runtime = runtimeOf(values);
    const target = resolveFile(values["daemon-json"] ?? DAEMON_JSON);
    const recordPath = `${target}${RECORD_SUFFIX}`;
    const files = readFiles(target, recordPath);
    if (!values.undo) assertProgram(runtime.path);
    const plan = values.undo
      ? planUndo(files, runtime, target)
      : planInstall(files, runtime, { what: target, isDefault: values.default, isForced: values.force });
    if (!values["dry-run"]) apply(plan, files, { target, recordPath });
    const diff = formatDiff(target, files.text, plan.text);
    if (values["dry-run"] && values.format !== "json") {
      stdout.write(diff === "" ? `${target}: nothing to change\n` : diff);
      return;
    }
    const next = nextStep(plan.outcome, runtime);
    printResult(stdout, values, {
      json: { file: target, runtime, outcome: plan.outcome, next: next ?? null, diff, dryRun: values["dry-run"] },
      rows: [
        [plan.outcome, `runtime ${runtime.name} in ${target}`],
        ["next", next],
      ],
    });
  },
});

/** @throws ERR_USAGE */
function runtimeOf(values: Values): DockerRuntime {
  const { name = "rune", path = join(installation().bin, "rune") } = values;
  if (!NAME.test(name)) throw new InclavareError("ERR_USAGE", `--name is "${name}", which Docker takes for no runtime`);
  if (!isAbsolute(path)) throw new InclavareError("ERR_USAGE", `--path is "${path}", expected an absolute path`);
  if (values.undo && (values.default || values.force)) {
    throw new InclavareError("ERR_USAGE", "--undo stands alone: --default and --force are for installing");
  }
  return { name, path };
}

/** @throws ERR_FILE_NOT_FOUND, ERR_FILE unless dockerd could start it */
function assertProgram(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new InclavareError("ERR_FILE_NOT_FOUND", `runtime ${path} is not there`);
  try {
    if (!stats.isFile()) throw new Error("not a file");
    accessSync(path, constants.X_OK);
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `runtime ${path} is not a program that can be started`, { cause });
  }
}

interface Places {
  readonly target: string;
  readonly recordPath: string;
}

function readFiles(target: string, recordPath: string): Files {
  const record = readFileIfThere(recordPath, "record");
  return {
    text: readFileIfThere(target, "daemon.json"),
    record: record === undefined ? undefined : parseRecord(record, recordPath),
  };
}

/** Writes the plan. The record comes first and goes last, so that whatever stops us, undo knows of all that was done. */
function apply(plan: Plan, files: Files, { target, recordPath }: Places): void {
  const stats = statSync(target, { throwIfNoEntry: false });
  const isInstalling = plan.outcome === "added";
  const writeRecord = (): void => {
    if (plan.record === files.record) return;
    replaceFile(recordPath, plan.record && formatRecord(plan.record), stats);
  };
  if (isInstalling) writeRecord();
  if (plan.text !== files.text) {
    if (readFileIfThere(target, "daemon.json") !== files.text) {
      throw new InclavareError("ERR_FILE", `${target} was changed by somebody else meanwhile; nothing was done`);
    }
    replaceFile(target, plan.text, stats);
  }
  if (!isInstalling) writeRecord();
}

/** Tried on dockerd 20.10: a reload takes in a new runtime, and keeps one whose `runtimes` has gone. */
function nextStep(outcome: Plan["outcome"], { name }: DockerRuntime): string | undefined {
  const steps: Readonly<Record<Plan["outcome"], string | undefined>> = {
    added: `systemctl reload docker (or SIGHUP to dockerd), then: docker run --runtime=${name} IMAGE`,
    removed: "systemctl restart docker; a reload would keep the runtime",
    kept: `runtimes.${name} leads to another program now; edit the file by hand`,
    unchanged: undefined,
  };
  return steps[outcome];
}
