import { randomUUID } from "node:crypto";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { formatRuntimeSpec, openBundle, type RuntimeSpec, type SpecHook } from "@inclavare/oci";
import type { ContainerPaths } from "../paths.ts";
import type { ContainerRecord } from "../record.ts";
import { mustRunc, runRunc } from "../runc.ts";
import { type Engine, LONG_MS, SHORT_MS } from "./engine.ts";
import { mergeState, parseState } from "./state.ts";

type Hooks = NonNullable<ContainerRecord["startContainer"]>;

/** The hooks in the form in which the record keeps them. */
export function startHooksOf({ hooks }: RuntimeSpec): Hooks {
  return (hooks?.startContainer ?? []).map(({ path, args, env, timeout }: SpecHook) => ({
    path,
    ...(args === undefined ? {} : { args: [...args] }),
    ...(env === undefined ? {} : { env: [...env] }),
    ...(timeout === undefined ? {} : { timeout }),
  }));
}

/**
 * Runs the startContainer hooks: programs of the container, in its namespaces and with its process's rights, just before
 * the application (runtime-spec, config.md, POSIX-platform Hooks). runc would run them before init-runelet, when there is
 * no enclave yet; so they are run here, one after the other.
 *
 * When one fails the container is killed: runc's ends then as well.
 * @throws ERR_HOOK, ERR_RUNC
 */
export async function runStartHooks(engine: Engine, paths: ContainerPaths, record: ContainerRecord): Promise<void> {
  const hooks = record.startContainer ?? [];
  if (hooks.length === 0) return;
  const found = parseState(await mustRunc(engine.runc, { args: ["state", record.id], deadlineMs: SHORT_MS }));
  const state = mergeState(found, record, "created");
  const { ociVersion, id, status, pid, bundle, annotations } = state;
  const input = JSON.stringify({ ociVersion, id, status, pid: pidInside(pid), bundle, annotations });
  for (const [index, hook] of hooks.entries()) {
    try {
      await runHook(engine, { paths, record, hook, input });
    } catch (error) {
      await mustRunc(engine.runc, { args: ["kill", record.id, "KILL"], deadlineMs: SHORT_MS }).catch(() => undefined);
      const reason = error instanceof Error ? error.message : String(error);
      throw new InclavareError("ERR_HOOK", `error running startContainer hook #${index}: ${reason}`, { cause: error });
    }
  }
}

interface HookRun {
  readonly paths: ContainerPaths;
  readonly record: ContainerRecord;
  readonly hook: Hooks[number];
  /** The state, as JSON. */
  readonly input: string;
}

async function runHook(engine: Engine, { paths, record, hook, input }: HookRun): Promise<void> {
  const name = join(paths.directory, `hook-${randomUUID()}`);
  const [processFile, inputFile, outputFile] = [`${name}.json`, `${name}.in`, `${name}.out`];
  const descriptors: number[] = [];
  try {
    writeFileSync(processFile, formatRuntimeSpec(hookProcess(paths, record, hook)), { mode: 0o600 });
    writeFileSync(inputFile, input, { mode: 0o600 });
    const stdin = openSync(inputFile, "r");
    descriptors.push(stdin);
    const output = openSync(outputFile, "ax", 0o600);
    descriptors.push(output);
    const { code, error } = await runRunc(engine.runc, {
      args: ["exec", "--process", processFile, record.id],
      stdio: [stdin, output, output],
      deadlineMs: hook.timeout === undefined ? LONG_MS : hook.timeout * 1000,
    });
    if (code === 0) return;
    const said = readFileSync(outputFile, "utf8").slice(0, 4096);
    throw new InclavareError("ERR_HOOK", error === "" ? `exit status ${code}, output: ${said}` : error);
  } catch (cause) {
    if (!isInclavareError(cause, "ERR_DEADLINE")) throw cause;
    throw new InclavareError("ERR_HOOK", `${hook.path} did not end within ${hook.timeout ?? LONG_MS / 1000} s`, {
      cause,
    });
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
    for (const file of [processFile, inputFile, outputFile]) rmSync(file, { force: true });
  }
}

/** The rights of the container's process, with the hook's own words; runc looks a program up by its first argument. */
function hookProcess(paths: ContainerPaths, { process }: ContainerRecord, { path, args = [], env }: Hooks[number]) {
  const { terminal: _, consoleSize: __, ...rights } = openBundle(paths.bundle).check().spec.process;
  return { ...rights, args: [path, ...args.slice(1)], env: env ?? process.env, cwd: process.cwd };
}

/** The container's first process by the number that it has inside. */
function pidInside(pid: number): number {
  try {
    const [, numbers = ""] = /^NSpid:\s*(.*)$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(numbers.split(/\s+/u).at(-1) ?? pid);
  } catch {
    return pid;
  }
}
