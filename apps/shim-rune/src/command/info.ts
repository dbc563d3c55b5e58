import { spawnSync } from "node:child_process";
import { findProgram } from "@inclavare/container";
import { any, type Any } from "../messages/common.ts";
import { runtimeInfo } from "../messages/bootstrap.ts";
import { readOptions } from "../options.ts";

const NAME = "io.containerd.rune.v2";
const FEATURES_TYPE = "types.containerd.io/opencontainers/runtime-spec/1/features/Features";
const FEATURES_MS = 5_000;

/** Answers `-info`: what this shim is, and what its low-level runtime can do, where that says so. */
export async function describeRuntime(
  input: Uint8Array,
  about: { version: string; revision: string; runtime: string; path: string | undefined },
): Promise<Uint8Array> {
  const options = input.length === 0 ? undefined : decodeAny(input);
  const { binaryName } = await readOptions(options);
  const features = readFeatures(binaryName === "" ? about.runtime : binaryName, about.path);
  return runtimeInfo.encode({
    name: NAME,
    version: { version: about.version, revision: about.revision },
    options,
    features,
  });
}

function decodeAny(input: Uint8Array): Any | undefined {
  const value = any.decode(input);
  return value.typeUrl === "" ? undefined : value;
}

function readFeatures(runtime: string, path: string | undefined): Any | undefined {
  try {
    const { status, stdout } = spawnSync(findProgram(runtime, path), ["features"], {
      timeout: FEATURES_MS,
      stdio: ["ignore", "pipe", "ignore"],
    });
    if (status !== 0) return undefined;
    JSON.parse(stdout.toString("utf8"));
    return { typeUrl: FEATURES_TYPE, value: stdout };
  } catch {
    return undefined; // one that is not there, or older than the command
  }
}
