/** What the tests of PAL libraries share: the skeletons of the build, and libraries compiled from a few lines. */
import { execFileSync } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { EnclaveRuntime, PalApiVersion, ProcessStdio } from "../src/index.ts";

const ROOT = join(import.meta.dirname, "..", "..", "..");
export const INCLUDE: string = join(import.meta.dirname, "..", "include");
export const VERSIONS = [1, 2, 3] as const satisfies readonly PalApiVersion[];

/** @see runtimes/skeleton/README.md for its programs and options. */
export function skeleton(version: PalApiVersion): string {
  return join(ROOT, "dist", "lib", "inclavare", "pals", `liberpal-skeleton-v${version}.so`);
}

export const skip: string | false = existsSync(skeleton(1)) ? false : "requires build: run make setup";

/** Functions of version 2 that do nothing, each unless `LACKS_…` is defined. */
export const NOTHING = `
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "liberpal.h"
#ifndef LACKS_VERSION
int pal_get_version(void) { return LIBERPAL_API_VERSION; }
#endif
#ifndef LACKS_INIT
int pal_init(const pal_attr_t *attr) { (void)attr; return 0; }
#endif
#ifndef LACKS_CREATE
int pal_create_process(pal_create_process_args_t *args) { *args->pid = 1; return 0; }
#endif
#ifndef LACKS_EXEC
int pal_exec(pal_exec_args_t *args) { *args->exit_value = 0; return 0; }
#endif
#ifndef LACKS_KILL
int pal_kill(int pid, int sig) { (void)pid; (void)sig; return 0; }
#endif
#ifndef LACKS_DESTROY
int pal_destroy(void) { return 0; }
#endif
`;

/** A folder of the test's own, and nothing as the standard streams of its processes. */
export class Workshop implements Disposable {
  readonly directory: string = mkdtempSync(join(tmpdir(), "pal-test-"));
  readonly nothing: number = openSync("/dev/null", "r+");
  #count = 0;

  path(name: string): string {
    return join(this.directory, name);
  }

  get stdio(): ProcessStdio {
    return { stdin: this.nothing, stdout: this.nothing, stderr: this.nothing };
  }

  /** A skeleton of its own: a library has one enclave in a process, and a copy is another library. */
  skeleton(version: PalApiVersion): string {
    this.#count += 1;
    const copy = this.path(`liberpal-skeleton-${this.#count}-v${version}.so`);
    copyFileSync(skeleton(version), copy);
    return copy;
  }

  /** @param name of the library; left out, one of its own. @param flags come last, for libraries that it needs. */
  compile(
    source: string,
    { name, flags = [] }: { readonly name?: string; readonly flags?: readonly string[] } = {},
  ): string {
    this.#count += 1;
    const [file, library] = [
      this.path(`source-${this.#count}.c`),
      this.path(name ?? `liberpal-test-${this.#count}.so`),
    ];
    writeFileSync(file, source);
    const warnings = ["-Wall", "-Wextra", "-Werror"];
    execFileSync("cc", ["-shared", "-fPIC", "-pthread", ...warnings, `-I${INCLUDE}`, "-o", library, file, ...flags]);
    return library;
  }

  /** Runs a program to its end. @returns how it ended, and what it wrote to its standard output */
  async run(
    runtime: EnclaveRuntime,
    argv: readonly string[],
    env: readonly string[] = [],
  ): Promise<{ readonly status: number; readonly output: string }> {
    this.#count += 1;
    const file = this.path(`output-${this.#count}`);
    const stdout = openSync(file, "w");
    try {
      const pid = await runtime.createProcess({ path: argv[0] ?? "", argv, env, stdio: { ...this.stdio, stdout } });
      const status = await runtime.exec(pid);
      return { status, output: readFileSync(file, "utf8") };
    } finally {
      closeSync(stdout);
    }
  }

  [Symbol.dispose](): void {
    closeSync(this.nothing);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
