/** bin/rune between two recorders, one as the low-level runtime and one as Node.js, so that its decision can be seen. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createContext } from "../../apps/rune/src/context.ts";
import { findOurBusiness } from "../../apps/rune/src/dispatch.ts";
import { isOn, parseInvocation } from "../../apps/rune/src/parse.ts";
import { asksForHelp, HOOK_COMMAND } from "../../apps/rune/src/program.ts";
import { findProgram } from "../../packages/container/src/index.ts";
import { compileLauncher } from "../../tools/build/compile.ts";
import { compile } from "./compile.ts";

/** Says everything about itself that its caller could have changed. */
const RECORDER = `
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) {
  char line[4096] = "";
  if (readlink("/proc/self/exe", line, sizeof line - 1) > 0) printf("program %s\\n", line);
  for (int i = 0; i < argc; i++) printf("arg %s\\n", argv[i]);
  for (char **e = environ; *e; e++) printf("env %s\\n", *e);
  printf("cwd %s\\n", getcwd(line, sizeof line));
  DIR *fds = opendir("/proc/self/fd");
  for (struct dirent *d; (d = readdir(fds));) if (d->d_name[0] != '.') {
    char path[300];
    snprintf(path, sizeof path, "/proc/self/fd/%s", d->d_name);
    ssize_t length = readlink(path, line, sizeof line - 1);
    if (length > 0 && strncmp(line, "/proc/", 6) != 0) printf("fd %s %.*s\\n", d->d_name, (int)length, line);
  }
  FILE *status = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, status))
    if (strncmp(line, "SigBlk", 6) == 0 || strncmp(line, "SigIgn", 6) == 0 || strncmp(line, "Umask", 5) == 0) fputs(line, stdout);
  return 42;
}`;

/** Enough to be no enclave container. */
export const PLAIN_CONFIG =
  '{"ociVersion":"1.0.2","process":{"args":["sh"],"env":["PATH=/bin"],"cwd":"/"},"root":{"path":"rootfs"}}';

/** Who was started, and what it saw; `refused` when nobody was. */
export interface Started {
  readonly who: "runtime" | "rune" | "refused";
  readonly program: string;
  readonly argv: readonly string[];
  readonly record: readonly string[];
  readonly stderr: string;
}

/** An installation of bin/rune in a folder of its own, with a configuration and one enclave container, `ours`. */
export class Launched implements Disposable {
  readonly directory: string = realpathSync(mkdtempSync(join(tmpdir(), "inclavare-launcher-")));
  readonly rune: string = this.path("bin", "rune");
  readonly node: string = this.path("lib", "inclavare", "node");
  readonly runtime: string = this.path("runtime");
  readonly baseConfig: string = `[rune]\nruntime = "${this.runtime}" # makes containers\nstate = "${this.path("state")}"\n`;

  constructor() {
    compileLauncher(join(import.meta.dirname, "..", ".."), "rune", this.rune);
    const recorder = compile(RECORDER);
    mkdirSync(this.path("lib", "inclavare"), { recursive: true });
    for (const program of [this.node, this.runtime]) writeFileSync(program, recorder, { mode: 0o755 });
    mkdirSync(this.path("state", "0123456789abcdef", "ours"), { recursive: true });
    this.configure(this.baseConfig);
    this.bundle("plain", PLAIN_CONFIG);
  }

  path(...names: string[]): string {
    return join(this.directory, ...names);
  }

  configure(text: string): void {
    writeFileSync(this.path("config.toml"), text);
  }

  bundle(name: string, configText: string): void {
    mkdirSync(this.path(name), { recursive: true });
    writeFileSync(this.path(name, "config.json"), configText);
  }

  environment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
    return { PATH: process.env["PATH"] ?? "", INCLAVARE_CONFIG: this.path("config.toml"), MARK: "1", ...more };
  }

  /** Calls bin/rune, or another program in its place, in the installation's folder. */
  call(argv: readonly string[], options: { program?: string; args?: readonly string[]; env?: NodeJS.ProcessEnv } = {}) {
    const { program = this.rune, args = [], env = {} } = options;
    return this.#start(program, [...args, ...argv], this.environment(env));
  }

  /** Whether rune itself, once started, hands this over, and to which program; undefined: it does not. */
  handedOverTo(argv: readonly string[], more: NodeJS.ProcessEnv = {}): string | undefined {
    const env = this.environment(more);
    const invocation = parseInvocation(argv);
    const here = process.cwd();
    process.chdir(this.directory);
    try {
      if (invocation.command === HOOK_COMMAND || isOn(invocation.globals, "version") || asksForHelp(invocation))
        return undefined;
      const context = createContext(argv, invocation, env);
      return findOurBusiness(context) === undefined ? findProgram(context.config.rune.runtime, env["PATH"]) : undefined;
    } catch {
      return undefined;
    } finally {
      process.chdir(here);
    }
  }

  #start(program: string, argv: readonly string[], env: NodeJS.ProcessEnv): Started {
    const { status, stdout, stderr } = spawnSync(program, argv, {
      cwd: this.directory,
      env,
      encoding: "utf8",
      timeout: 20_000,
    });
    const record = stdout.split("\n").filter((line) => line !== "");
    const value = (key: string): string[] =>
      record.filter((line) => line.startsWith(`${key} `)).map((line) => line.slice(key.length + 1));
    const [started = ""] = value("program");
    if (status !== 42) return { who: "refused", program: "", argv: [], record, stderr };
    return { who: started === this.node ? "rune" : "runtime", program: started, argv: value("arg"), record, stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
