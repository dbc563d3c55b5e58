import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { containerPaths, mayAskForEnclave, rootDirectory } from "@inclavare/container";
import { bundleOf } from "./bundle.ts";
import type { Context } from "./context.ts";
import { handOver } from "./handover.ts";
import { isOn, type ParsedFlags } from "./parse.ts";

/** runc's rule for ids, and ours: what breaks it names no folder of ours. */
const CONTAINER_ID = /^(?!\.{1,2}$)[A-Za-z0-9_+.-]{1,255}$/u;

/** runc has no such command. */
const OUR_COMMAND = "attest";

/** A command that may concern an enclave container, and is rune's own business then. */
export interface OurBusiness {
  readonly command: string;
  readonly flags: ParsedFlags;
}

/**
 * Everything that concerns no enclave container goes to runc, before anything but this decision has been loaded.
 * @returns the exit code
 */
export async function dispatch(context: Context): Promise<number> {
  const ours = findOurBusiness(context);
  if (ours === undefined) return await handOver(context);
  const { runCommand } = await import("./commands/index.ts");
  return await runCommand(context, ours.command, ours.flags);
}

/**
 * Decides whose business a command is. The launcher (apps/rune/launcher) decides by the same rules, and comes here when in
 * doubt: what is handed over there must be handed over here.
 * @returns undefined: the low-level runtime's
 * @throws ERR_USAGE
 */
export function findOurBusiness(context: Context): OurBusiness | undefined {
  const { globals, command, flags } = context.invocation;
  const [problem] = globals.problems;
  if (problem !== undefined && anyWordConcernsUs(context)) throw new InclavareError("ERR_USAGE", problem);
  const isRuncs = problem !== undefined || flags === undefined || (isOn(flags, "help") && command !== OUR_COMMAND);
  if (isRuncs || command === undefined || !concernsUs(context, command, flags)) return undefined;
  return { command, flags };
}

/**
 * A flag before the command that we do not know could have a value: what we take for the command would be that, and an
 * enclave container could be missed. Any word may be the command or an id then.
 */
function anyWordConcernsUs(context: Context): boolean {
  return context.argv.some((word) => ["create", "run", "restore"].includes(word) || isOurs(context, word));
}

function concernsUs(context: Context, command: string, flags: ParsedFlags): boolean {
  switch (command) {
    case "create":
    case "run":
    case "restore":
      return asksForEnclave(context, flags) || flags.positionals.some((id) => isOurs(context, id));
    case "features":
    case OUR_COMMAND:
      return true;
    case "spec":
      return isOn(flags, "enclave");
    case "list":
      return hasContainers(rootDirectory(context.config.rune.state, context.root));
    default:
      // A flag that we do not know may have made its value look like an id: every positional is looked at then.
      return (flags.problems.length === 0 ? flags.positionals.slice(0, 1) : flags.positionals).some((id) =>
        isOurs(context, id),
      );
  }
}

/** A first look, at the text alone; whoever passes is looked at properly. A bundle without config.json is runc's to refuse. */
function asksForEnclave({ config }: Context, flags: ParsedFlags): boolean {
  try {
    const text = readFileSync(join(bundleOf(flags), "config.json"), "utf8");
    const { requireEnclave, defaultEnclave } = config.rune;
    return requireEnclave || defaultEnclave !== undefined || mayAskForEnclave(text);
  } catch (error) {
    // A file that is there and cannot be read might ask for anything.
    return !["ENOENT", "ENOTDIR", "EISDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
  }
}

/** Whether rune keeps a folder for this id; after a crash, without a container in it. */
export function isOurs({ config, root }: Context, id: string): boolean {
  return CONTAINER_ID.test(id) && existsSync(containerPaths(config.rune.state, root, id).directory);
}

function hasContainers(folder: string): boolean {
  try {
    return readdirSync(folder).length > 0;
  } catch {
    return false;
  }
}
