import { posix } from "node:path";
import { isSignalName, shortSignalName } from "../manifest/signals.ts";
import type { EnclaveManifest } from "../manifest/types.ts";

/** What an ordinary image, or a process that is asked for, says of itself. */
export interface ProgramFacts {
  /** The program's absolute path, and the arguments that always come first. */
  readonly entrypoint: readonly string[];
  /** Arguments that may be replaced by the caller's. */
  readonly args: readonly string[];
  /** Each `NAME=value`. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly user: { readonly uid: number; readonly gid: number };
  /** A name such as `SIGTERM`, or a number. */
  readonly stopSignal?: string | undefined;
}

export interface OutsideOptions {
  /** The caller chooses the arguments after the entrypoint; default: those of the image are fixed. */
  readonly argsFromOutside?: boolean;
  /** Variables that the caller sets; default: none. */
  readonly envFromOutside?: readonly string[];
}

export const DEFAULT_MEMORY_BYTES = 256 * 1024 * 1024;
export const DEFAULT_THREADS = 8;
const DEFAULT_SIGNALS = ["HUP", "INT", "QUIT", "TERM", "USR1", "USR2"];
/** Variables that ask for an enclave; they are for the container runtime and never reach an application. */
const REQUEST_VARIABLES = /^ENCLAVE_(?:TYPE|RUNTIME_PATH|RUNTIME_ARGS|RUNTIME_LOGLEVEL|MANIFEST)$/u;

/** The manifest that lets nothing in from outside but what the options name: what conversion starts from. */
export function deriveManifest(facts: ProgramFacts, options: OutsideOptions = {}): EnclaveManifest {
  const { argsFromOutside = false, envFromOutside = [] } = options;
  const fixed = parseVariables(facts.env);
  for (const name of envFromOutside) fixed.delete(name);
  return {
    version: 1,
    runtime: "wasm",
    workload: workloadOf(facts.entrypoint[0] ?? ""),
    owner: "",
    entrypoint: facts.entrypoint,
    args: argsFromOutside ? { fromOutside: true } : { fixed: facts.args },
    cwd: facts.cwd,
    user: facts.user,
    env: { fixed: Object.fromEntries(fixed), fromOutside: [...new Set(envFromOutside)] },
    mounts: { memory: ["/tmp"], fromOutside: [] },
    hostFiles: [],
    secrets: [],
    verifiers: [],
    exec: false,
    hooks: false,
    stdin: false,
    signals: signalsOf(facts.stopSignal),
    memoryBytes: DEFAULT_MEMORY_BYTES,
    threads: DEFAULT_THREADS,
    debug: false,
    product: { id: 0, svn: 0 },
    rlimits: [],
  };
}

/** An image's or a specification's working directory as a manifest has it. */
export function cleanDirectory(cwd: string | undefined): string {
  const clean = posix.normalize(`/${cwd ?? ""}`);
  return clean.length > 1 && clean.endsWith("/") ? clean.slice(0, -1) : clean;
}

/** The last of several values of one name counts. */
export function parseVariables(env: readonly string[]): Map<string, string> {
  const variables = new Map<string, string>();
  for (const entry of env) {
    const at = entry.indexOf("=", 1);
    const name = entry.slice(0, at);
    if (at > 0 && !REQUEST_VARIABLES.test(name)) variables.set(name, entry.slice(at + 1));
  }
  return variables;
}

function signalsOf(stopSignal: string | undefined): string[] {
  const name = stopSignal === undefined ? undefined : shortSignalName(stopSignal);
  return name === undefined || !isSignalName(name) ? DEFAULT_SIGNALS : [...new Set([...DEFAULT_SIGNALS, name])];
}

/** A name after the program, for images that have none of their own. */
function workloadOf(program: string): string {
  const name = posix
    .basename(program)
    .replace(/\.wasm$/u, "")
    .replaceAll(/[^A-Za-z0-9._-]/gu, "-")
    .replace(/^[^A-Za-z0-9]+/u, "")
    .slice(0, 128);
  return name === "" ? "workload" : name;
}
