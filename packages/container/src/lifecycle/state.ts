import { InclavareError } from "@inclavare/errors";
import { requestControl } from "../control-client.ts";
import { type ContainerRecord, readRecord } from "../record.ts";
import { mustRunc } from "../runc.ts";
import { type Engine, pathsOf, SHORT_MS } from "./engine.ts";

const ASK_DEADLINE_MS = 2_000;

/** A container's state as the runtime specification and runc's `state` have it. */
export interface OciState {
  readonly ociVersion: string;
  readonly id: string;
  readonly pid: number;
  readonly status: string;
  readonly bundle: string;
  readonly rootfs: string;
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly owner: string;
}

/**
 * The state of an enclave container: runc's, with the caller's bundle, and `created` until the application was started,
 * although runc has started init-runelet already.
 * @throws ERR_CONTAINER_NOT_FOUND, ERR_RUNC
 */
export async function containerState(engine: Engine, id: string): Promise<OciState> {
  const paths = pathsOf(engine, id);
  const record = readRecord(paths);
  const state = parseState(await mustRunc(engine.runc, { args: ["state", id], deadlineMs: SHORT_MS }));
  return mergeState(state, record, await statusOf(state.status, record, paths.control));
}

/** What runc says of a container. @throws ERR_CONTAINER_NOT_FOUND, ERR_RUNC */
export async function runcStatus(engine: Engine, id: string): Promise<string> {
  return parseState(await mustRunc(engine.runc, { args: ["state", id], deadlineMs: SHORT_MS })).status;
}

/** runc's state with what the caller knows the container by. */
export function mergeState(state: OciState, record: ContainerRecord, status: string): OciState {
  const { owner, annotations: _, ...rest } = state;
  const annotations = Object.keys(record.annotations).length === 0 ? {} : { annotations: record.annotations };
  return { ...rest, status, bundle: record.bundle, rootfs: record.rootfs, ...annotations, owner };
}

/**
 * The status by runc's status and our record. Whoever was killed between starting and recording it leaves `created` behind, so init-runelet
 * itself is asked then.
 */
export async function statusOf(runcStatus: string, record: ContainerRecord, control: string): Promise<string> {
  if (record.status === "creating") return runcStatus === "stopped" ? "stopped" : "creating";
  if (runcStatus !== "running" || record.status === "running") return runcStatus;
  try {
    const { status } = await requestControl(control, { op: "state" }, { timeoutMs: ASK_DEADLINE_MS });
    return status === "running" || status === "stopped" ? "running" : record.status;
  } catch {
    return record.status;
  }
}

/** @throws ERR_RUNC */
export function parseState(text: string): OciState {
  try {
    const value = JSON.parse(text) as OciState;
    if (typeof value.id === "string" && typeof value.status === "string") return value;
  } catch (cause) {
    throw new InclavareError("ERR_RUNC", "runc's state is not JSON", { cause });
  }
  throw new InclavareError("ERR_RUNC", "runc's state has no id or no status");
}
