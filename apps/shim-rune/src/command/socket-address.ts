import { createHash } from "node:crypto";
import { join } from "node:path";

/** Where every daemon up to 2.2 expects the sockets of shims; later ones may say otherwise. */
export const DEFAULT_SOCKET_DIRECTORY = "/run/containerd/s";

/** Annotations that put containers into one shim, the first that is there decides. */
const GROUP_ANNOTATIONS = ["io.containerd.runc.v2.group", "io.kubernetes.cri.sandbox-id"];

/** Keeps us from joining a shim of another kind, which could have made a socket for the same group. */
const OUR_SHIM = "rune";

/** What a container shares its shim with: a pod, a group somebody named, or only itself. */
export function groupOf(id: string, annotations: Readonly<Record<string, string>>): string {
  const named = GROUP_ANNOTATIONS.map((key) => annotations[key]).find((value) => value !== undefined && value !== "");
  return named ?? id;
}

/** The socket's name: SHA-256 of the joined words, so that no word makes the path too long. */
export function socketName(...words: readonly string[]): string {
  return createHash("sha256")
    .update(join(...words))
    .digest("hex");
}

/** Path of the socket of a group's shim. */
export function socketPath(
  directory: string,
  { address, namespace, group }: { readonly address: string; readonly namespace: string; readonly group: string },
): string {
  return join(directory, socketName(address, namespace, group, OUR_SHIM));
}
