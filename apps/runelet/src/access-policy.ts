import { accessSync, constants, statSync } from "node:fs";
import { posix } from "node:path";
import { type EnclaveManifest, type OutsideProcess, resolveProcess } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import { signalNumber } from "@inclavare/linux";

/** What of the outside's wishes reaches the application. */
export interface AccessPolicy {
  readonly exec: boolean;
  readonly stdin: boolean;
  /** The process as it is made. @throws ERR_MANIFEST_FORBIDS, ERR_PROCESS_ARGS */
  resolve(outside: OutsideProcess, how: { readonly exec: boolean }): OutsideProcess;
  /** Whether a signal, by its Linux number, is passed on. */
  passes(signal: number): boolean;
}

/** The measured manifest decides: what it does not allow does not get in. */
export function manifestPolicy(manifest: EnclaveManifest): AccessPolicy {
  const signals = new Set(manifest.signals.map(signalNumber));
  return {
    exec: manifest.exec,
    stdin: manifest.stdin,
    resolve: (outside, how) => resolveProcess(manifest, outside, how),
    passes: (signal) => signals.has(signal),
  };
}

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/** What people and orchestrators send on purpose. Everything else is the kernel's bookkeeping, or this process's own. */
const PAL_SIGNALS = new Set(["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ABRT", "ALRM"].map(signalNumber));

/** A PAL library brings rules of its own, inside its enclave: nothing is held back on the way there. */
export function libraryPolicy(): AccessPolicy {
  return {
    exec: true,
    stdin: true,
    resolve({ args, env, cwd }) {
      const [program = "", ...rest] = args;
      if (program === "") throw new InclavareError("ERR_PROCESS_ARGS", "there is no program to run: args is empty");
      return { args: [findProgram(program, env, cwd), ...rest], env, cwd };
    },
    passes: (signal) => PAL_SIGNALS.has(signal),
  };
}

/** The full path of a program that the container's own files have; a library OS may have others, so the name stays then. */
function findProgram(program: string, env: readonly string[], cwd: string): string {
  if (program.includes("/")) return program;
  const path = env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? DEFAULT_PATH;
  const candidates = path.split(":").map((folder) => posix.resolve(cwd, folder, program));
  return candidates.find(isProgram) ?? program;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
