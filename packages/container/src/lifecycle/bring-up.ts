import { withoutRequest } from "../request.ts";
import { requestControl } from "../control-client.ts";
import { writeRecord, type ContainerRecord } from "../record.ts";
import { reasonOfCrash } from "./crash.ts";
import { runtimeInContainer } from "./enclave-source.ts";
import type { Prepared } from "./prepare.ts";

/** Loading the runtime and creating the enclave. */
const INIT_DEADLINE_MS = 60_000;
/** Longer than a PAL library has for making a process: what it was that hung is init-runelet's to say. */
const START_DEADLINE_MS = 60_000;

/** Has init-runelet create the enclave; returns when it is there. @throws the runtime's own reason */
export async function initialise(prepared: Prepared, ended?: AbortSignal): Promise<ContainerRecord> {
  const { request, process, record, paths } = prepared;
  const init = {
    containerId: record.id,
    runtime: runtimeInContainer(request),
    runtimeArgs: request.runtimeArgs,
    logLevel: request.logLevel,
    process: {
      args: process.args,
      env: withoutRequest(process.env ?? []),
      cwd: process.cwd,
      terminal: process.terminal === true,
    },
  };
  const signal = ended === undefined ? {} : { signal: ended };
  try {
    await requestControl(paths.control, { op: "init", request: init }, { timeoutMs: INIT_DEADLINE_MS, ...signal });
  } catch (error) {
    throw reasonOfCrash(paths, error);
  } finally {
    prepared.releaseFiles();
  }
  const created: ContainerRecord = { ...record, status: "created" };
  writeRecord(paths, created);
  return created;
}

/** Has init-runelet run the application. @throws init-runelet's own reason */
export async function startMain(paths: Prepared["paths"], record: ContainerRecord): Promise<void> {
  try {
    await requestControl(paths.control, { op: "start" }, { timeoutMs: START_DEADLINE_MS });
  } catch (error) {
    throw reasonOfCrash(paths, error);
  }
  writeRecord(paths, { ...record, status: "running" });
}
