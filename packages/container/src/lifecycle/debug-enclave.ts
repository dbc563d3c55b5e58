import { closeSync, readFileSync } from "node:fs";
import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { type DebugEnclave, PAYLOAD_INDEX_FILE, planDebugEnclave, writeDebugEnclave } from "@inclavare/enclave-image";
import { formatOneLine, InclavareError, isInclavareError } from "@inclavare/errors";
import type { RunnableProcess } from "@inclavare/oci";
import { type CachedEnclave, openCached } from "../enclave-cache/cache.ts";
import { launchEnclave, type LaunchedContainer, measureEnclave } from "../launch.ts";
import { withoutRequest } from "../request.ts";
import type { Engine } from "./engine.ts";
import { signingKeyOf } from "./signing-key.ts";

/** Part of every key: raised when the same input makes other files. */
const FORMAT = "inclavare debug enclave 1";

/** An enclave that attesterd has let in, and its files. */
export interface LaunchedEnclave {
  readonly directory: string;
  readonly launched: LaunchedContainer;
  /** Lets the files go, once they have been read. */
  readonly release: () => void;
}

/**
 * Makes a debug enclave of an ordinary image, or takes the one that was made of the same files before, and launches it.
 * What attesterd measures is compared with what the image holds now: a cached enclave that differs is made anew.
 * @throws what {@link planDebugEnclave}, {@link writeDebugEnclave}, {@link openCached} and {@link launchEnclave} throw
 */
export async function openDebugEnclave(
  engine: Engine,
  { id, rootfs, spec }: { readonly id: string; readonly rootfs: string; readonly spec: { process: RunnableProcess } },
): Promise<LaunchedEnclave> {
  const { attesterd, conversion, rune } = engine.config;
  const process = { ...spec.process, env: withoutRequest(spec.process.env ?? []) };
  const planned = await planDebugEnclave({ rootfs, process });
  const signingKey = signingKeyOf(engine.config);
  const cache = { folder: conversion.cache, limitBytes: conversion.cacheLimitBytes };
  const key = keyOf(planned, signingKey, rune.payload);
  for (;;) {
    const entry = await openCached(cache, key, (directory) => {
      const measure = (): Uint8Array => measureEnclave(attesterd.socket, directory);
      return writeDebugEnclave(directory, planned, { measure, signingKey, now: new Date() });
    });
    try {
      const launched = launchPlanned(attesterd.socket, id, entry, planned);
      return { directory: entry.directory, launched, release: () => entry[Symbol.dispose]() };
    } catch (error) {
      const isAnswered = !isInclavareError(error, "ERR_ATTESTERD_UNREACHABLE");
      if (isAnswered) entry.discard();
      entry[Symbol.dispose]();
      if (entry.isNew || !isAnswered) throw error;
      const msg = `the cached enclave ${key} is damaged and is made anew: ${formatOneLine(error)}`;
      engine.runc.log({ level: "warning", msg });
    }
  }
}

/** Everything that the files depend on; the image as this node has read it, not as somebody calls it. */
function keyOf({ manifest, appImageSha256 }: DebugEnclave, signingKey: KeyObject, payload: string): string {
  const parts = [
    FORMAT,
    sha256(readPayloadIndex(payload)),
    sha256(manifest),
    appImageSha256,
    sha256(createPublicKey(signingKey).export({ type: "spki", format: "der" })),
  ];
  return sha256(parts.join("\n"));
}

function readPayloadIndex(payload: string): Uint8Array {
  const path = join(payload, PAYLOAD_INDEX_FILE);
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new InclavareError("ERR_PAYLOAD_MISSING", `cannot read ${path}`, { cause });
  }
}

function launchPlanned(socket: string, id: string, entry: CachedEnclave, planned: DebugEnclave): LaunchedContainer {
  const launched = launchEnclave(socket, id, entry.directory);
  const { manifestSha256, appImageSha256 } = launched.identity;
  if (manifestSha256 === sha256(planned.manifest) && appImageSha256 === planned.appImageSha256) return launched;
  closeSync(launched.descriptor);
  throw new InclavareError("ERR_ENCLAVE_ALTERED", `the enclave in ${entry.directory} is not what the image makes`);
}

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
