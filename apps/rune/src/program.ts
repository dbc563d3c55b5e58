import { spawnSync } from "node:child_process";
import { findProgram } from "@inclavare/container";
import packageJson from "../package.json" with { type: "json" };
import type { Context } from "./context.ts";
import { type Invocation, isOn } from "./parse.ts";

export const VERSION: string = packageJson.version;

/** The newest runtime specification that is understood. */
const SPECIFICATION = "1.2.0";

/** Which state of the sources this was built from; set by the build. */
declare const INCLAVARE_COMMIT: string | undefined;
const COMMIT = typeof INCLAVARE_COMMIT === "string" ? INCLAVARE_COMMIT : "unknown";

/** A command that only hooks of derived bundles call; see `hook.ts`. */
export const HOOK_COMMAND = "inclavare-hook";

export const HELP = `NAME:
   rune - OCI runtime for enclave containers

USAGE:
   rune [global options] command [command options] [arguments...]

An enclave container asks for its enclave by the annotations enclave.type and enclave.runtime.path, or by the variables
ENCLAVE_TYPE and ENCLAVE_RUNTIME_PATH. Every other container is runc's: rune hands over to it, arguments untouched.

COMMANDS, for enclave containers as for plain ones:
   create, start, run, exec, kill, delete, state, list, ps, events, pause, resume, update, features
   spec --enclave      a starter file for an enclave container; without the flag runc's own
   checkpoint, restore refused for enclave containers, whose memory does not leave them
   attest              fresh evidence of an enclave container for a verifier's nonce
   (rune COMMAND --help shows runc's help; all other commands of runc work as well)

GLOBAL OPTIONS:
   --root DIR          runc's root, the namespace of ids (default: "/run/runc")
   --log FILE          write the log to this file (default: standard error)
   --log-format FORMAT text (default) or json
   --debug             log more
   --log-level LEVEL   debug and trace are --debug; other levels change nothing
   --systemd-cgroup    let systemd make the cgroup
   --rootless VALUE    passed to runc; enclave containers need root
   --version, -v       print the version
   --help, -h          show this help

EXIT STATUS:
   0 done · 1 failed, wrong usage included, as with runc · 255 exec failed · run and exec: that of the process
`;

/** `--help`, `help`, `h`, or nothing at all; `help COMMAND` is for runc to answer. */
export function asksForHelp({ globals, command }: Invocation): boolean {
  if (isOn(globals, "help")) return true;
  if (command === undefined) return globals.problems.length === 0;
  return ["help", "h"].includes(command) && globals.positionals.length === 1;
}

/** What runc ends with: 1, and 255 for an `exec` that it has understood: other values are those of the process. */
export function failureCode({ command, flags }: Invocation): number {
  return command === "exec" && flags?.problems.length === 0 ? 255 : 1;
}

/** In the form that dockerd reads, with the low-level runtime's own lines behind ours. */
export function printVersion({ config, env }: Context, output: { write(text: string): unknown }): number {
  const [first = "", ...rest] = lowLevelVersion(config.rune.runtime, env);
  const specification = rest.find((line) => line.startsWith("spec: ")) ?? `spec: ${SPECIFICATION}`;
  output.write(`rune version ${VERSION}\ncommit: ${COMMIT}\n${specification}\n`);
  // dockerd takes whatever stands behind the last "version" for ours.
  output.write(`low-level: ${first === "" ? "none" : first.replace(/\bversion\b ?/u, "")}\n`);
  return 0;
}

function lowLevelVersion(runtime: string, env: NodeJS.ProcessEnv): readonly string[] {
  try {
    const program = findProgram(runtime, env["PATH"]);
    const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 10_000 });
    return (stdout ?? "").trim().split("\n");
  } catch {
    return []; // not installed: what rune itself is can be said all the same
  }
}
