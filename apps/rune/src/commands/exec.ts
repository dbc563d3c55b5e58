import { checkProcess, parseProcess, type RunnableProcess, type SpecUser } from "@inclavare/oci";
import { InclavareError } from "@inclavare/errors";
import { preservedDescriptors } from "../descriptors.ts";
import { isOn, lastValue, type ParsedFlags } from "../parse.ts";
import { forwardSignalNames } from "../signals.ts";
import { assertFlags, type Command, type CommandContext, usage } from "./command.ts";
import { optional } from "./create.ts";
import { readInput } from "./input.ts";

/** `exec`: the process is described by a file, as containerd does it, or by flags, as people do. */
export const exec: Command = async (context, flags) => {
  assertFlags(flags);
  const [id = "", ...args] = flags.positionals;
  const process = describeProcess(context, flags, id, args);
  return await context.lifecycle.execInContainer(context.engine, {
    id,
    process,
    detach: isOn(flags, "detach"),
    ...optional("pidFile", lastValue(flags, "pid-file")),
    ...optional("consoleSocket", lastValue(flags, "console-socket")),
    ...optional("pidfdSocket", lastValue(flags, "pidfd-socket")),
    ignorePaused: isOn(flags, "ignore-paused"),
    cgroup: flags.values.get("cgroup") ?? [],
    preservedDescriptors: preservedDescriptors(flags),
    forwardSignals: forwardSignalNames,
  });
};

function describeProcess(
  { lifecycle, engine }: CommandContext,
  flags: ParsedFlags,
  id: string,
  args: readonly string[],
): RunnableProcess {
  const file = lastValue(flags, "process");
  if (file !== undefined) {
    const described = parseProcess(readInput(file), file);
    return { ...described, args: described.args ?? [] };
  }
  if (args.length === 0) throw new InclavareError("ERR_PROCESS_ARGS", "process args cannot be empty");
  const base = lifecycle.readContainer(engine, id).process;
  const apparmor = lastValue(flags, "apparmor");
  const label = lastValue(flags, "process-label");
  const described = {
    ...base,
    args,
    cwd: lastValue(flags, "cwd") ?? base.cwd,
    env: [...base.env, ...(flags.values.get("env") ?? [])],
    user: parseUser(flags, base.user),
    terminal: isOn(flags, "tty"),
    ...(apparmor === undefined ? {} : { apparmorProfile: apparmor }),
    ...(label === undefined ? {} : { selinuxLabel: label }),
  };
  checkProcess(described, "the command line");
  return described;
}

/** `--user UID[:GID]`, numbers only, as with runc; a group that is not given stays. */
function parseUser(flags: ParsedFlags, base: SpecUser): SpecUser {
  const written = lastValue(flags, "user");
  const groups = flags.values.get("additional-gids")?.map((value) => parseId("additional-gids", value));
  const [uid, gid] = written === undefined ? [] : written.split(":", 2);
  return {
    ...base,
    ...(uid === undefined ? {} : { uid: parseId("user", uid) }),
    ...(gid === undefined ? {} : { gid: parseId("user", gid) }),
    ...(groups === undefined ? {} : { additionalGids: groups }),
  };
}

function parseId(flag: string, value: string): number {
  const id = Number(value);
  if (/^\d{1,10}$/u.test(value) && id <= 0xffff_ffff) return id;
  throw usage(`invalid value "${value}" for flag -${flag}: expected a number`);
}
