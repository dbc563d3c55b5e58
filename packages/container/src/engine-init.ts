import { posix } from "node:path";
import type { RunnableSpec } from "@inclavare/oci";

/** Where docker and podman bind the small init that `--init` asks for. */
const ENGINE_INITS = new Set(["/sbin/docker-init", "/dev/init", "/run/podman-init"]);

/**
 * The specification without the init of the container engine, which it puts before the user's program with `--`. An enclave
 * container has an init, and the engine's is neither in the image nor something that an enclave could run.
 */
export function withoutEngineInit(spec: RunnableSpec): RunnableSpec {
  const [init = "", separator, ...args] = spec.process.args;
  const mounts = spec.mounts ?? [];
  const isBound = mounts.some(({ destination }) => posix.normalize(destination) === init);
  if (!ENGINE_INITS.has(init) || !isBound || separator !== "--" || args.length === 0) return spec;
  return {
    ...spec,
    process: { ...spec.process, args },
    mounts: mounts.filter(({ destination }) => posix.normalize(destination) !== init),
  };
}
