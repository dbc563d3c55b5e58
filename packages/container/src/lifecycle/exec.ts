import { closeSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { formatRuntimeSpec, type RunnableProcess, type SpecProcess } from "@inclavare/oci";
import { InclavareError } from "@inclavare/errors";
import type { ProcessRequest } from "../control.ts";
import { requestExec } from "../control-client.ts";
import { PAYLOAD_MOUNT } from "../mounts.ts";
import { type ContainerRecord, readRecord } from "../record.ts";
import { withoutRequest } from "../request.ts";
import { runcError, runRunc } from "../runc.ts";
import { type Engine, LONG_MS, pathsOf } from "./engine.ts";
import { runcStatus } from "./state.ts";
import { randomUuid } from "../random-uuid.ts";

const CONTROL_DEADLINE_MS = 10_000;

export interface ExecOptions {
  readonly id: string;
  /** The process as the caller asks for it. */
  readonly process: RunnableProcess;
  readonly detach: boolean;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly ignorePaused: boolean;
  readonly cgroup: readonly string[];
  /** Descriptors from 3 on that the caller passes; they reach the stand-in and stay there. */
  readonly preservedDescriptors: number;
  /** What become descriptors 0, 1 and 2 of the process without a terminal; left out: those of this process. */
  readonly stdio?: readonly [number, number, number];
  /** Calls back with the name of each signal that reaches this process and is meant for the other. */
  readonly forwardSignals: (deliver: (signal: NodeJS.Signals) => void) => Disposable;
}

/** @throws ERR_CONTAINER_NOT_FOUND, ERR_CONTAINER_RECORD */
export function readContainer(engine: Engine, id: string): ContainerRecord {
  return readRecord(pathsOf(engine, id));
}

/**
 * Runs a further process in the enclave. `runc exec` starts a stand-in in the container, so that there is a host process
 * to wait for and to signal; it hands its stdio to init-runelet and ends with the process's exit value.
 * @returns the exit value, or 0 when detached.
 * @throws ERR_EXEC_FORBIDDEN and other refusals of init-runelet; ERR_RUNC
 */
export async function execInContainer(engine: Engine, options: ExecOptions): Promise<number> {
  const paths = pathsOf(engine, options.id);
  const record = readRecord(paths);
  await assertExecutable(engine, options);
  const connection = requestExec(paths.control, { op: "exec", process: processRequest(options) }, CONTROL_DEADLINE_MS);
  const processFile = join(paths.directory, `exec-${randomUuid()}.json`);
  let open = true;
  const close = (): void => {
    if (open) closeSync(connection);
    open = false;
  };
  try {
    writeFileSync(processFile, formatRuntimeSpec(standinProcess(options, record)), { mode: 0o600 });
    const preserved = Array.from({ length: options.preservedDescriptors }, (_, index) => 3 + index);
    const stdio = [...(options.stdio ?? [0, 1, 2]), ...preserved, connection];
    let forwarding: Disposable | undefined;
    const { code, error } = await runRunc(engine.runc, {
      args: ["exec", ...execFlags(options, processFile, stdio.length - 3), options.id],
      stdio,
      ...(options.detach ? { deadlineMs: LONG_MS } : {}),
      started: (signal) => {
        close(); // the stand-in's copy alone says how long the process is wanted
        if (!options.detach) forwarding = options.forwardSignals(signal);
      },
    }).finally(() => forwarding?.[Symbol.dispose]());
    if (code !== 0 && error !== "") throw runcError("exec", code, error, { printed: true });
    return code;
  } finally {
    close();
    rmSync(processFile, { force: true });
  }
}

/** A frozen init-runelet cannot answer, and one that has ended neither: both are told at once, in runc's words. */
async function assertExecutable(engine: Engine, { id, ignorePaused }: ExecOptions): Promise<void> {
  const status = await runcStatus(engine, id);
  if (status === "stopped") throw new InclavareError("ERR_CONTAINER_STATE", "cannot exec in a stopped container");
  if (status !== "paused" || ignorePaused) return;
  const text = "cannot exec in a paused container (use --ignore-paused to override)";
  throw new InclavareError("ERR_CONTAINER_STATE", text);
}

function processRequest({ process }: ExecOptions): ProcessRequest {
  if (process.args.length === 0) throw new InclavareError("ERR_PROCESS_ARGS", "there is no program to run");
  const { args, env = [], cwd, terminal = false } = process;
  return { args, env: withoutRequest(env), cwd, terminal };
}

/** The stand-in needs no rights at all: neither capabilities nor a way to get any. */
function standinProcess({ process, preservedDescriptors }: ExecOptions, record: ContainerRecord): SpecProcess {
  const { apparmorProfile = record.process.apparmorProfile, selinuxLabel = record.process.selinuxLabel } = process;
  return {
    ...(process.terminal === undefined ? {} : { terminal: process.terminal }),
    ...(process.consoleSize === undefined ? {} : { consoleSize: process.consoleSize }),
    user: process.user ?? record.process.user,
    // A guest of the wasm runtime has no session that could own a terminal: its keys become signals of the stand-in.
    args: [`${PAYLOAD_MOUNT}/bin/standin`, String(3 + preservedDescriptors), "keep-terminal"],
    env: [],
    cwd: "/",
    capabilities: { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] },
    noNewPrivileges: true,
    ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
    ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
  };
}

function execFlags(options: ExecOptions, processFile: string, descriptors: number): string[] {
  const { pidFile, consoleSocket, pidfdSocket } = options;
  return [
    "--process",
    processFile,
    "--preserve-fds",
    String(descriptors),
    ...(options.detach ? ["--detach"] : []),
    ...(pidFile === undefined ? [] : ["--pid-file", resolve(pidFile)]),
    ...(consoleSocket === undefined ? [] : ["--console-socket", resolve(consoleSocket)]),
    ...(pidfdSocket === undefined ? [] : ["--pidfd-socket", resolve(pidfdSocket)]),
    ...(options.ignorePaused ? ["--ignore-paused"] : []),
    ...options.cgroup.flatMap((value) => ["--cgroup", value]),
  ];
}
