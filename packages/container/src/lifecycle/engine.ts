import { rmSync } from "node:fs";
import { validateContainerId } from "@inclavare/oci";
import type { Config } from "../config.ts";
import { type ContainerPaths, containerPaths } from "../paths.ts";
import type { RuncOptions } from "../runc.ts";

/** What every step of a container's life needs to know; nothing in it belongs to one container. */
export interface Engine {
  readonly config: Config;
  readonly runc: RuncOptions;
  /** The command that runs a lifecycle hook with the caller's bundle in its state. */
  readonly hookCommand: readonly [string, ...string[]];
}

/** Deadline of a runc call that only looks or sends a signal. */
export const SHORT_MS = 20_000;
/** Deadline of a runc call that creates or removes: hooks have time limits of their own. */
export const LONG_MS = 300_000;

/** @throws ERR_OCI_CONTAINER_ID */
export function pathsOf(engine: Engine, id: string): ContainerPaths {
  validateContainerId(id);
  return containerPaths(engine.config.rune.state, engine.runc.root, id);
}

export function removeFolder(paths: ContainerPaths): void {
  rmSync(paths.directory, { recursive: true, force: true });
}
