import { join, resolve } from "node:path";

/** The files of one enclave container, on the host. */
export interface ContainerPaths {
  readonly directory: string;
  readonly record: string;
  /** The listening socket of init-runelet's control channel. */
  readonly control: string;
  /** The listening socket of init-runelet's Enclave-TLS server. */
  readonly attest: string;
  /** Where init-runelet leaves the last call of a PAL library that crashes. */
  readonly crash: string;
  /** The derived bundle. */
  readonly bundle: string;
}

/** The folder of all enclave containers of one `--root`: runc's root is the namespace of ids. */
export function rootDirectory(state: string, root: string): string {
  return join(state, fnv1a64(resolve(root)));
}

/**
 * FNV-1a of 64 bits, in 16 hexadecimal digits. It keeps apart the few roots of a machine, which root alone chooses; a
 * cryptographic hash would cost every command the loading of node:crypto.
 */
function fnv1a64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}

/** Preconditions: `id` is a valid container id, so that it names a direct child of the folder. */
export function containerPaths(state: string, root: string, id: string): ContainerPaths {
  return pathsBelow(join(rootDirectory(state, root), id));
}

/** The files below a container's folder. */
export function pathsBelow(directory: string): ContainerPaths {
  return {
    directory,
    record: join(directory, "state.json"),
    control: join(directory, "control.sock"),
    attest: join(directory, "attest.sock"),
    crash: join(directory, "crash"),
    bundle: join(directory, "bundle"),
  };
}
