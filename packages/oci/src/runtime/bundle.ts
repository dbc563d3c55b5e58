import { InclavareError } from "@inclavare/errors";
import { constants, fstatSync, openSync, closeSync, readFileSync, statSync, type Stats } from "node:fs";
import { join, resolve } from "node:path";
import { assertRunnable, checkRuntimeSpec, parseSpecDocument, readOutline } from "./parse.ts";
import type { RunnableSpec, SpecOutline } from "./spec.ts";

const SIZE_LIMIT_BYTES = 16 * 1024 * 1024;

/** A bundle as the caller gave it; nothing of it is changed. */
export interface Bundle {
  readonly spec: RunnableSpec;
  /** The root file system's directory, absolute. */
  readonly rootfs: string;
  /** The config.json, absolute. */
  readonly configPath: string;
}

/** A bundle of which no more has been read than what it wants to be. */
export interface OpenedBundle {
  readonly outline: SpecOutline;
  /** Checks the rest, and finds the root file system. @throws ERR_OCI_SPEC, ERR_OCI_BUNDLE */
  check(): Bundle;
}

/**
 * Reads a bundle's config.json.
 * @param bundleDirectory relative to the working directory, or absolute.
 * @throws ERR_OCI_BUNDLE when there is none; ERR_OCI_SPEC when it is not JSON, or says in no known form what it wants to be.
 */
export function openBundle(bundleDirectory: string): OpenedBundle {
  const directory = resolve(bundleDirectory);
  const configPath = join(directory, "config.json");
  const document = parseSpecDocument(readConfig(configPath), configPath);
  return {
    outline: readOutline(document, configPath),
    check() {
      const spec = checkRuntimeSpec(document, configPath);
      assertRunnable(spec, configPath);
      const rootfs = resolve(directory, spec.root.path);
      if (!statOf(rootfs, "root file system").isDirectory())
        throw new InclavareError("ERR_OCI_BUNDLE", `root file system ${rootfs} is not a directory`);
      return { spec, rootfs, configPath };
    },
  };
}

function readConfig(path: string): Uint8Array {
  let descriptor: number | undefined;
  try {
    // Non-blocking, so that a pipe in the file's place cannot make the caller wait.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) throw new InclavareError("ERR_OCI_BUNDLE", `${path} is not a file`);
    if (stats.size > SIZE_LIMIT_BYTES) {
      throw new InclavareError(
        "ERR_OCI_SPEC",
        `${path} is ${stats.size} bytes long, at most ${SIZE_LIMIT_BYTES} are read`,
      );
    }
    return readFileSync(descriptor);
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    throw new InclavareError("ERR_OCI_BUNDLE", `${path} cannot be read`, { cause });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function statOf(path: string, what: string): Stats {
  try {
    return statSync(path);
  } catch (cause) {
    throw new InclavareError("ERR_OCI_BUNDLE", `${what} ${path} cannot be read`, { cause });
  }
}
