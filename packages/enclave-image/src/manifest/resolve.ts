import { posix } from "node:path";
import { InclavareError } from "@inclavare/errors";
import type { EnclaveManifest } from "./types.ts";

/** A process as somebody outside the enclave asks for it; `env` holds `NAME=value`. */
export interface OutsideProcess {
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly cwd: string;
}

export interface ResolveOptions {
  /** A further process beside the main one: any program of the image, if the manifest allows exec. Default: false. */
  readonly exec?: boolean;
}

/**
 * Decides what the application gets of a request from outside: program, arguments and directory have to be the
 * manifest's; variables that it does not name are left out; what is fixed there cannot be changed.
 *
 * With `exec`, program, arguments and directory are the caller's, the environment follows the same rule.
 * @throws ERR_MANIFEST_FORBIDS, with the member in `details.member`.
 */
export function resolveProcess(
  manifest: EnclaveManifest,
  outside: OutsideProcess,
  { exec = false }: ResolveOptions = {},
): OutsideProcess {
  assertClean(outside);
  if (exec && !manifest.exec) throw forbids("exec", "does not allow exec");
  const env = resolveEnvironment(manifest, outside.env);
  if (exec) {
    if (outside.args.length === 0) throw forbids("args", "there is no program to execute");
    return { args: [...outside.args], env, cwd: outside.cwd === "" ? manifest.cwd : outside.cwd };
  }
  if (outside.cwd !== manifest.cwd) {
    throw forbids("cwd", `says ${quote(manifest.cwd)}, asked for is ${quote(outside.cwd)}`);
  }
  return { args: resolveArguments(manifest, outside.args), env, cwd: manifest.cwd };
}

function resolveArguments({ entrypoint, args, cwd }: EnclaveManifest, outside: readonly string[]): string[] {
  const [program = "", ...first] = entrypoint;
  if (!namesProgram(outside[0], program, cwd)) {
    throw forbids("entrypoint", `says ${quote(program)}, asked for is ${quote(outside[0])}`);
  }
  const given = outside.slice(1);
  const wrong = first.findIndex((argument, index) => argument !== given[index]);
  if (wrong >= 0) {
    throw forbids("entrypoint", `says ${quote(first[wrong])}, argument ${wrong + 1} is ${quote(given[wrong])}`);
  }
  const rest = given.slice(first.length);
  if ("fixed" in args && !(rest.length === args.fixed.length && rest.every((item, at) => item === args.fixed[at]))) {
    throw forbids("args", `says ${JSON.stringify(args.fixed)}, asked for are ${JSON.stringify(rest)}`);
  }
  return [program, ...first, ...rest];
}

/** An image may name its program by a relative name; the application runs by the manifest's absolute one in any case. */
function namesProgram(name: string | undefined, program: string, cwd: string): boolean {
  if (name === undefined || name === "") return false;
  if (name.startsWith("/")) return posix.normalize(name) === program;
  return posix.join(cwd, name) === program || (!name.includes("/") && posix.basename(program) === name);
}

function resolveEnvironment({ env }: EnclaveManifest, outside: readonly string[]): string[] {
  const given = new Map<string, string>();
  for (const entry of outside) {
    const at = entry.indexOf("=", 1);
    if (at > 0) given.set(entry.slice(0, at), entry.slice(at + 1));
  }
  const changed = Object.keys(env.fixed).find((name) => given.has(name) && given.get(name) !== env.fixed[name]);
  // The value may be something that only the application should see, so neither is shown.
  if (changed !== undefined) throw forbids(`env.fixed.${changed}`, `fixes ${changed}, asked for is another value`);
  const resolved = Object.entries(env.fixed);
  for (const name of env.fromOutside) {
    const value = given.get(name);
    if (value !== undefined) resolved.push([name, value]);
  }
  return resolved.map(([name, value]) => `${name}=${value}`).toSorted((a, b) => (a < b ? -1 : 1));
}

function assertClean({ args, env, cwd }: OutsideProcess): void {
  for (const [member, values] of Object.entries({ args, env, cwd: [cwd] })) {
    if (values.some((value) => value.includes("\0"))) throw forbids(member, "takes no NUL, asked for is one");
  }
}

function forbids(member: string, message: string): InclavareError {
  return new InclavareError("ERR_MANIFEST_FORBIDS", `${member}: the enclave manifest ${message}`, {
    details: { member },
  });
}

function quote(value: string | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
