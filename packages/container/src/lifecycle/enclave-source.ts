import { closeSync, openSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { type EnclaveManifest, MANIFEST_FILE, parseManifest } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import { listenUnix } from "@inclavare/linux";
import type { RunnableProcess, RuntimeSpec } from "@inclavare/oci";
import { ELF_MACHINES, readProvided, resolveClosure } from "@inclavare/pal";
import type { BoundFile, Channel, EnclaveSource } from "../derive.ts";
import { findEnclaveFolder } from "../enclave-folder.ts";
import { launchEnclave } from "../launch.ts";
import { LIBRARY_MOUNT } from "../mounts.ts";
import type { ContainerPaths } from "../paths.ts";
import type { ContainerRecord } from "../record.ts";
import { type EnclaveRequest, isBuiltInRuntime } from "../request.ts";
import { type LaunchedEnclave, openDebugEnclave } from "./debug-enclave.ts";
import type { Engine } from "./engine.ts";

/** What an enclave will be made of, and the descriptors by which init-runelet reaches whom it needs for that. */
export interface OpenedEnclave {
  readonly source: EnclaveSource;
  readonly channels: readonly (readonly [Channel, number])[];
  /** What is known of it, for the record. */
  readonly known: Pick<ContainerRecord, "workload" | "identity">;
  /** Lets files go that are kept for init-runelet to read. Again is no error. */
  readonly release: () => void;
}

export interface EnclaveWish {
  readonly id: string;
  readonly request: EnclaveRequest;
  readonly rootfs: string;
  readonly spec: RuntimeSpec & { readonly process: RunnableProcess };
}

/**
 * Opens what the request names: the files of a built-in runtime's enclave, which attesterd measures here, or a PAL library.
 * The caller closes the descriptors.
 */
export async function openEnclave(engine: Engine, paths: ContainerPaths, wish: EnclaveWish): Promise<OpenedEnclave> {
  return isBuiltInRuntime(wish.request.runtime)
    ? await openMeasured(engine, paths, wish)
    : openLibrary(engine, paths, wish.request.runtime);
}

/** How init-runelet, which sees the container's files and not the host's, is told the runtime. */
export function runtimeInContainer({ runtime }: EnclaveRequest): string {
  return isBuiltInRuntime(runtime) ? runtime : join(LIBRARY_MOUNT, basename(runtime));
}

async function openMeasured(engine: Engine, paths: ContainerPaths, wish: EnclaveWish): Promise<OpenedEnclave> {
  const { id, rootfs, spec, request } = wish;
  const own = findEnclaveFolder(rootfs);
  const opened = own === undefined ? await openDebugEnclave(engine, wish) : openTeeImage(engine, id, own);
  const { directory, launched, release } = opened;
  try {
    const manifest = parseManifest(readFileSync(join(directory, MANIFEST_FILE)), join(directory, MANIFEST_FILE));
    assertHooksAllowed(spec, manifest);
    return {
      source: { kind: "measured", runtime: request.runtime, directory },
      channels: [
        ["attester", launched.descriptor],
        ["attest", listenUnix(paths.attest, { mode: 0o600 })],
      ],
      known: { workload: manifest.workload, identity: launched.identity },
      release,
    };
  } catch (error) {
    closeSync(launched.descriptor);
    release();
    throw error;
  }
}

/** A TEE image is used as it is: its manifest is its owner's. */
function openTeeImage({ config }: Engine, id: string, directory: string): LaunchedEnclave {
  return { directory, launched: launchEnclave(config.attesterd.socket, id, directory), release: () => undefined };
}

/** The library is found and checked on the host; what it needs beyond what the payload has comes along. */
function openLibrary({ config: { rune } }: Engine, paths: ContainerPaths, runtime: string): OpenedEnclave {
  const { library, files } = resolveClosure(runtime, {
    searchPaths: rune.palLibraryPaths,
    provided: readProvided(rune.payload),
    machine: ELF_MACHINES[process.arch === "arm64" ? "arm64" : "x64"],
  });
  const bound: BoundFile[] = [
    { name: basename(runtime), path: library },
    ...files.map(({ soname, path }) => ({ name: soname, path })),
  ];
  return {
    source: { kind: "library", files: bound },
    channels: [["crash", openSync(paths.crash, "ax", 0o600)]],
    known: {},
    release: () => undefined,
  };
}

/**
 * Hooks that run inside the container need the manifest's word. Those on the host (the network of docker, for one) belong
 * to the node, which the enclave does not trust in any case.
 */
function assertHooksAllowed({ hooks }: RuntimeSpec, manifest: EnclaveManifest): void {
  const inside = (["createContainer", "startContainer"] as const).find((moment) => (hooks?.[moment] ?? []).length > 0);
  if (manifest.hooks || inside === undefined) return;
  throw new InclavareError("ERR_MANIFEST_FORBIDS", `the enclave manifest does not allow ${inside} hooks`, {
    details: { member: "hooks" },
  });
}
