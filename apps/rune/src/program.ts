import { spawnSync } from "node:child_process";
import { findProgram } from "@inclavare/container";
import packageJson from "../package.json" with { type: "json" };
import type { Context } from "./context.ts";

export const VERSION: string = packageJson.version;

/** A command that only hooks of derived bundles call; see `hook.ts`. */
export const HOOK_COMMAND = "inclavare-hook";

export const HELP = `NAME:
   rune - OCI runtime for enclave containers

USAGE:
   rune [global options] command [command options] [arguments...]

An enclave container asks for its enclave by the annotations enclave.type and enclave.runtime.path, or by the variables
ENCLAVE_TYPE and ENCLAVE_RUNTIME_PATH. Every other container is runc's: rune hands over to it, arguments untouched.

COMMANDS, for enclave containers as for plain ones:
   create, start, run, exec, kill, delete, state, list, ps, spec, features
   (rune COMMAND --help shows runc's help; all other commands of runc work as well)

GLOBAL OPTIONS:
   --root DIR          runc's root, the namespace of ids (default: "/run/runc")
   --log FILE          write the log to this file (default: standard error)
   --log-format FORMAT text (default) or json
   --debug             log more
   --systemd-cgroup    let systemd make the cgroup
   --rootless VALUE    passed to runc; enclave containers need root
   --version, -v       print the version
   --help, -h          show this help

EXIT STATUS:
   0 done · 1 failed, wrong usage included, as with runc · 255 exec failed · run and exec: that of the process
`;

/** In the form that dockerd reads, with the low-level runtime's own lines behind ours. */
export function printVersion({ config, env }: Context, output: { write(text: string): unknown }): number {
  const program = findProgram(config.rune.runtime, env["PATH"]);
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8", timeout: 10_000 });
  const [first = "", ...rest] = (stdout ?? "").trim().split("\n");
  const specification = rest.find((line) => line.startsWith("spec: ")) ?? "spec: 1.0.2";
  output.write(`rune version ${VERSION}\n${specification}\nlow-level: ${first.replace(/\bversion\b ?/u, "")}\n`);
  return 0;
}
