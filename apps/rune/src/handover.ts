import { findProgram } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";
import { countInherited } from "./descriptors.ts";
import { type Context, isVerbose } from "./context.ts";
import { lastValue, type ParsedFlags } from "./parse.ts";

/** Replaces this process with runc: same pid, same arguments, same descriptors, nothing of Node's left over. */
export async function handOver({ argv, env, config, invocation }: Context): Promise<never> {
  const program = findProgram(config.rune.runtime, env["PATH"]);
  await keepDescriptors(Number(lastValue(invocation.flags ?? invocation.globals, "preserve-fds") ?? 0), env);
  return replaceProcess(program, ["runc", ...runcArguments(argv, invocation.globals)], env);
}

/** execve(2), with the signals as this process found them. Preconditions: `program` can be executed. */
export function replaceProcess(program: string, argv: readonly string[], env: NodeJS.ProcessEnv): never {
  // Node ignores these two, and ignored signals stay so across execve; signals with a handler go back to their default.
  for (const signal of ["SIGPIPE", "SIGXFSZ"] as const) process.on(signal, () => undefined);
  if (process.execve === undefined) throw new InclavareError("ERR_INTERNAL", "this Node.js has no execve");
  return process.execve(program, argv, env);
}

/** The command line as it came, but for `--log-level`, which crun and youki know and runc does not; all know `--debug`. */
function runcArguments(argv: readonly string[], globals: ParsedFlags): readonly string[] {
  if (!globals.values.has("log-level")) return argv;
  const others = [...globals.values].filter(([name]) => name !== "log-level");
  return [
    ...others.flatMap(([name, values]) => values.map((value) => `--${name}=${value}`)),
    ...(isVerbose(globals) ? ["--debug"] : []),
    ...globals.positionals,
  ];
}

/** Node marks what it inherits close-on-exec; the caller's descriptors are for runc. The common case has none. */
async function keepDescriptors(preserved: number, env: NodeJS.ProcessEnv): Promise<void> {
  const wanted = preserved + Number(env["LISTEN_FDS"] ?? 0);
  if (!Number.isSafeInteger(wanted) || wanted <= 0) return;
  const { setCloseOnExec } = await import("@inclavare/linux");
  // One that is missing runc misses as well, and says so.
  const count = Math.min(wanted, countInherited());
  for (let descriptor = 3; descriptor < 3 + count; descriptor++) setCloseOnExec(descriptor, false);
}
