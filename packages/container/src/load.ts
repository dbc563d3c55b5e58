import type * as LifecycleModule from "./lifecycle/index.ts";

/** The functions of a container's life: create, start, run, exec, kill, delete, state, list. */
export type Lifecycle = typeof LifecycleModule;
export type LifecycleEngine = LifecycleModule.Engine;
export type { Asked, OciState } from "./lifecycle/index.ts";

/**
 * Loads them; who needs them in any case imports `@inclavare/container/lifecycle`. They bring the native library, image and attestation formats, and validation with them; a command that hands
 * a plain container to runc must not pay for that.
 */
export async function loadLifecycle(): Promise<Lifecycle> {
  return await import("./lifecycle/index.ts");
}
