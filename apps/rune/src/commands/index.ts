import { findProgram, type RuncLogEntry } from "@inclavare/container";
import * as lifecycle from "@inclavare/container/lifecycle";
import { InclavareError } from "@inclavare/errors";
import { type Context, runcFlags } from "../context.ts";
import { lastValue, type ParsedFlags } from "../parse.ts";
import { HOOK_COMMAND } from "../program.ts";
import { attest } from "./attest.ts";
import { checkpoint, restore } from "./checkpoint.ts";
import { type Command, usage } from "./command.ts";
import { createOrRun } from "./create.ts";
import { exec } from "./exec.ts";
import { printFeatures } from "./features.ts";
import { printList } from "./list.ts";
import { kill, remove, start, state } from "./simple.ts";
import { writeSpec } from "./spec.ts";
import { update } from "./update.ts";

const COMMANDS: ReadonlyMap<string, Command> = new Map<string, Command>([
  ["create", createOrRun],
  ["run", createOrRun],
  ["start", start],
  ["state", state],
  ["kill", kill],
  ["delete", remove],
  ["list", printList],
  ["features", printFeatures],
  ["exec", exec],
  ["update", update],
  ["spec", writeSpec],
  ["checkpoint", checkpoint],
  ["restore", restore],
  ["attest", attest],
]);

/** Runs a command that concerns an enclave container. @returns the exit code */
export async function runCommand(context: Context, name: string, flags: ParsedFlags): Promise<number> {
  context.log.open();
  const format = lastValue(context.invocation.globals, "log-format") ?? "text";
  if (format !== "text" && format !== "json") throw usage(`invalid log-format: ${format}`);
  const command = COMMANDS.get(name);
  if (command === undefined) throw new InclavareError("ERR_INTERNAL", `no command ${name}`);
  const engine = {
    config: context.config,
    hookCommand: [process.execPath, "--disable-warning=ExperimentalWarning", process.argv[1] ?? "", HOOK_COMMAND],
    runc: {
      program: findProgram(context.config.rune.runtime, context.env["PATH"]),
      root: context.root,
      flags: runcFlags(context.invocation),
      log: (entry: RuncLogEntry) => logUnlessError(context, entry),
    },
  } as const;
  return await command({ ...context, lifecycle, engine }, flags);
}

/** runc's errors become part of ours and would come twice. */
function logUnlessError({ log }: Context, entry: RuncLogEntry): void {
  if (entry.level !== "error" && entry.level !== "fatal") log.write(entry);
}
