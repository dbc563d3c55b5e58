/** containerd.task.v2 and containerd.task.v3, which differ in the name of the package only. */
import { bool, int32, message, type MessageOf, nested, repeated, text, textMap, uint32 } from "@inclavare/ttrpc";
import { any, mount, timestamp } from "./common.ts";

/** containerd.v1.types.Status */
export const TASK_STATUS = { unknown: 0, created: 1, running: 2, stopped: 3, paused: 4, pausing: 5 } as const;

export const createRequest = message({
  id: text(1),
  bundle: text(2),
  rootfs: repeated(nested(3, mount)),
  terminal: bool(4),
  stdin: text(5),
  stdout: text(6),
  stderr: text(7),
  checkpoint: text(8),
  parentCheckpoint: text(9),
  options: nested(10, any),
});
export type CreateRequest = MessageOf<typeof createRequest>;
export const createResponse = message({ pid: uint32(1) });

/** Of Start, Delete, State, Wait: `execId` is empty for the container's own process. */
export const processRequest = message({ id: text(1), execId: text(2) });
export type ProcessRequest = MessageOf<typeof processRequest>;
/** Of Pids, Pause, Resume, Stats, Connect. */
export const containerRequest = message({ id: text(1) });

export const startResponse = message({ pid: uint32(1) });
export const deleteResponse = message({ pid: uint32(1), exitStatus: uint32(2), exitedAt: nested(3, timestamp) });

export const execRequest = message({
  id: text(1),
  execId: text(2),
  terminal: bool(3),
  stdin: text(4),
  stdout: text(5),
  stderr: text(6),
  spec: nested(7, any),
});
export type ExecRequest = MessageOf<typeof execRequest>;

export const resizeRequest = message({ id: text(1), execId: text(2), width: uint32(3), height: uint32(4) });
export const stateResponse = message({
  id: text(1),
  bundle: text(2),
  pid: uint32(3),
  status: int32(4),
  stdin: text(5),
  stdout: text(6),
  stderr: text(7),
  terminal: bool(8),
  exitStatus: uint32(9),
  exitedAt: nested(10, timestamp),
  execId: text(11),
});
export const killRequest = message({ id: text(1), execId: text(2), signal: uint32(3), all: bool(4) });
export const closeIoRequest = message({ id: text(1), execId: text(2), stdin: bool(3) });

const processInfo = message({ pid: uint32(1), info: nested(2, any) });
export const pidsResponse = message({ processes: repeated(nested(1, processInfo)) });

export const checkpointRequest = message({ id: text(1), path: text(2), options: nested(3, any) });
export const updateRequest = message({ id: text(1), resources: nested(2, any), annotations: textMap(3) });
export const waitResponse = message({ exitStatus: uint32(1), exitedAt: nested(2, timestamp) });
export const statsResponse = message({ stats: nested(1, any) });
export const connectResponse = message({ shimPid: uint32(1), taskPid: uint32(2), version: text(3) });
export const shutdownRequest = message({ id: text(1), now: bool(2) });
