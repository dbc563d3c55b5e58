/** The messages of the Container Runtime Interface, v1 (k8s.io/cri-api, runtime/v1/api.proto), with the fields that tests use. */
import {
  bool,
  bytes,
  type Codec,
  int32,
  int64,
  message,
  type MessageOf,
  nested,
  repeated,
  text,
  textMap,
  uint32,
  uint64,
} from "@inclavare/ttrpc";

export interface Call<Q, A> {
  readonly path: string;
  readonly request: Codec<Q>;
  readonly response: Codec<A>;
}

function runtime<Q, A>(method: string, request: Codec<Q>, response: Codec<A>): Call<Q, A> {
  return { path: `/runtime.v1.RuntimeService/${method}`, request, response };
}

const none = message({});
const podMetadata = message({ name: text(1), uid: text(2), namespace: text(3), attempt: uint32(4) });
const namespaces = message({ network: int32(1), pid: int32(2), ipc: int32(3) });
const podSecurity = message({ namespaces: nested(1, namespaces) });
const linuxPod = message({ cgroupParent: text(1), security: nested(2, podSecurity) });
const podConfig = message({
  metadata: nested(1, podMetadata),
  hostname: text(2),
  logDirectory: text(3),
  labels: textMap(6),
  annotations: textMap(7),
  linux: nested(8, linuxPod),
});
export type PodConfig = MessageOf<typeof podConfig>;

const metadata = message({ name: text(1), attempt: uint32(2) });
const image = message({ image: text(1) });
const resources = message({ cpuShares: int64(3), memoryLimitBytes: int64(4) });
const linuxContainer = message({ resources: nested(1, resources) });
const containerConfig = message({
  metadata: nested(1, metadata),
  image: nested(2, image),
  command: repeated(text(3)),
  args: repeated(text(4)),
  annotations: textMap(10),
  logPath: text(11),
  stdin: bool(12),
  stdinOnce: bool(13),
  tty: bool(14),
  linux: nested(15, linuxContainer),
});
export type ContainerConfig = MessageOf<typeof containerConfig>;

const podId = message({ id: text(1) });
const containerId = message({ id: text(1) });
const url = message({ url: text(1) });
const value = message({ value: uint64(1) });
const stats = message({
  cpu: nested(2, message({ usage: nested(2, value) })),
  memory: nested(3, message({ workingSet: nested(2, value) })),
});
/** Of pods: 0 ready, 1 not ready. */
const podStatus = message({ id: text(1), state: int32(3), network: nested(5, message({ ip: text(1) })) });
/** Of containers: 0 created, 1 running, 2 exited, 3 unknown. */
const containerStatus = message({
  id: text(1),
  state: int32(3),
  exitCode: int32(7),
  reason: text(10),
  message: text(11),
});
const listed = message({ id: text(1) });

export const CRI = {
  runPod: runtime("RunPodSandbox", message({ config: nested(1, podConfig), handler: text(2) }), podId),
  stopPod: runtime("StopPodSandbox", podId, none),
  removePod: runtime("RemovePodSandbox", podId, none),
  podStatus: runtime("PodSandboxStatus", podId, message({ status: nested(1, podStatus) })),
  listPods: runtime("ListPodSandbox", none, message({ items: repeated(nested(1, listed)) })),
  create: runtime(
    "CreateContainer",
    message({ podId: text(1), config: nested(2, containerConfig), podConfig: nested(3, podConfig) }),
    containerId,
  ),
  start: runtime("StartContainer", containerId, none),
  /** The timeout is in seconds. */
  stop: runtime("StopContainer", message({ id: text(1), timeout: int64(2) }), none),
  remove: runtime("RemoveContainer", containerId, none),
  status: runtime("ContainerStatus", containerId, message({ status: nested(1, containerStatus) })),
  list: runtime("ListContainers", none, message({ containers: repeated(nested(1, listed)) })),
  stats: runtime("ContainerStats", containerId, message({ stats: nested(1, stats) })),
  update: runtime("UpdateContainerResources", message({ id: text(1), linux: nested(2, resources) }), none),
  execSync: runtime(
    "ExecSync",
    message({ id: text(1), command: repeated(text(2)), timeout: int64(3) }),
    message({ stdout: bytes(1), stderr: bytes(2), exitCode: int32(3) }),
  ),
  exec: runtime(
    "Exec",
    message({
      id: text(1),
      command: repeated(text(2)),
      tty: bool(3),
      stdin: bool(4),
      stdout: bool(5),
      stderr: bool(6),
    }),
    url,
  ),
  attach: runtime(
    "Attach",
    message({ id: text(1), stdin: bool(2), tty: bool(3), stdout: bool(4), stderr: bool(5) }),
    url,
  ),
  imageStatus: {
    path: "/runtime.v1.ImageService/ImageStatus",
    request: message({ image: nested(1, image) }),
    response: message({ image: nested(1, listed) }),
  },
} as const;
