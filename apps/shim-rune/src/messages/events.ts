/** containerd.events, and how they are forwarded. */
import { bool, type Codec, message, nested, repeated, text, uint32 } from "@inclavare/ttrpc";
import { any, empty, mount, timestamp } from "./common.ts";

const taskIo = message({ stdin: text(1), stdout: text(2), stderr: text(3), terminal: bool(4) });

/** The messages by their names in containerd.events. */
export const EVENTS = {
  TaskCreate: message({
    containerId: text(1),
    bundle: text(2),
    rootfs: repeated(nested(3, mount)),
    io: nested(4, taskIo),
    checkpoint: text(5),
    pid: uint32(6),
  }),
  TaskStart: message({ containerId: text(1), pid: uint32(2) }),
  TaskOOM: message({ containerId: text(1) }),
  TaskExit: message({
    containerId: text(1),
    /** The exec's id, or for the container's own process the container's. */
    id: text(2),
    pid: uint32(3),
    exitStatus: uint32(4),
    exitedAt: nested(5, timestamp),
  }),
  TaskDelete: message({
    containerId: text(1),
    pid: uint32(2),
    exitStatus: uint32(3),
    exitedAt: nested(4, timestamp),
    id: text(5),
  }),
  TaskExecAdded: message({ containerId: text(1), execId: text(2) }),
  TaskExecStarted: message({ containerId: text(1), execId: text(2), pid: uint32(3) }),
  TaskPaused: message({ containerId: text(1) }),
  TaskResumed: message({ containerId: text(1) }),
  TaskCheckpointed: message({ containerId: text(1), checkpoint: text(2) }),
} as const;

export type EventName = keyof typeof EVENTS;
export type EventOf<N extends EventName> = (typeof EVENTS)[N] extends Codec<infer T> ? T : never;

export const TOPICS: Readonly<Record<EventName, string>> = {
  TaskCreate: "/tasks/create",
  TaskStart: "/tasks/start",
  TaskOOM: "/tasks/oom",
  TaskExit: "/tasks/exit",
  TaskDelete: "/tasks/delete",
  TaskExecAdded: "/tasks/exec-added",
  TaskExecStarted: "/tasks/exec-started",
  TaskPaused: "/tasks/paused",
  TaskResumed: "/tasks/resumed",
  TaskCheckpointed: "/tasks/checkpointed",
};

const envelope = message({
  timestamp: nested(1, timestamp),
  namespace: text(2),
  topic: text(3),
  event: nested(4, any),
});

/** containerd's own service, which the shim calls. */
export const FORWARD = {
  service: "containerd.services.events.ttrpc.v1.Events",
  method: "Forward",
  request: message({ envelope: nested(1, envelope) }),
  response: empty,
} as const;
