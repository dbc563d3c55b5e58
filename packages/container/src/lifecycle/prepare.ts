import { closeSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { listenUnix } from "@inclavare/linux";
import { type Bundle, formatRuntimeSpec, openBundle, type RunnableProcess, type SpecOutline } from "@inclavare/oci";
import { cgroupFolders, readCgroupFacts } from "../cgroups.ts";
import { deriveSpec } from "../derive.ts";
import { withoutEngineInit } from "../engine-init.ts";
import { assertPossible } from "../machine.ts";
import type { ContainerPaths } from "../paths.ts";
import { type ContainerRecord, writeRecord } from "../record.ts";
import { type EnclaveRequest, isSandbox, readEnclaveRequest, withoutRequest } from "../request.ts";
import { teeAccess } from "../tee-access.ts";
import { openEnclave } from "./enclave-source.ts";
import { type Engine, pathsOf, removeFolder } from "./engine.ts";
import { startHooksOf } from "./start-hooks.ts";

/** What `create` and `run` are told. */
export interface CreateOptions {
  readonly id: string;
  /** The caller's bundle; relative paths start in the working directory. */
  readonly bundle: string;
  readonly pidFile?: string;
  readonly consoleSocket?: string;
  readonly pidfdSocket?: string;
  readonly noPivot: boolean;
  readonly noNewKeyring: boolean;
  /** Descriptors from 3 on that the caller passes. */
  readonly preservedDescriptors: number;
  /** What become descriptors 0, 1 and 2 of the container without a terminal; left out: those of this process. */
  readonly stdio?: readonly [number, number, number];
}

/** A container that runc can be told to make: folder, launched enclave, sockets, derived bundle. */
export interface Prepared {
  readonly paths: ContainerPaths;
  readonly record: ContainerRecord;
  readonly request: EnclaveRequest;
  readonly process: RunnableProcess;
  /** In the order in which init-runelet gets them: the control socket, then the enclave's channels. */
  readonly descriptors: readonly number[];
  /** Closes this process's copies, so that the end of init-runelet closes the sockets. */
  release(): void;
  /** Lets the enclave's files go: init-runelet has read them, or never will. Again is no error. */
  readonly releaseFiles: () => void;
}

/** An enclave container that somebody asks for. */
export interface Asked {
  readonly bundle: Bundle;
  readonly request: EnclaveRequest;
}

/**
 * Reads what the bundle asks for; a plain one is runc's to check.
 * A pod's sandbox, its pause container, is always plain.
 * @param defaultEnclave what a bundle gets that asks for nothing.
 * @throws ERR_OCI_*, ERR_REQUEST_*
 */
export function readRequest(
  bundleDirectory: string,
  defaultEnclave?: EnclaveRequest,
): { readonly outline: SpecOutline; readonly asked?: Asked } {
  const opened = openBundle(bundleDirectory);
  const { outline } = opened;
  // What is written on a pod reaches its sandbox as well.
  const request = isSandbox(outline) ? undefined : (readEnclaveRequest(outline) ?? defaultEnclave);
  return request === undefined ? { outline } : { outline, asked: { bundle: opened.check(), request } };
}

/**
 * Does everything before runc is called. Whatever fails, nothing stays behind.
 * @throws ERR_CONTAINER_EXISTS, the errors of request, machine, derivation and launch
 */
export async function prepareContainer(
  engine: Engine,
  options: CreateOptions,
  { bundle: { spec: written, rootfs }, request }: Asked,
): Promise<Prepared> {
  const { id } = options;
  const spec = withoutEngineInit(written);
  const paths = pathsOf(engine, id);
  assertPossible(request, engine.config);
  assertPayload(engine.config.rune.payload);
  claimFolder(paths, join(engine.runc.root, id));
  const opened: number[] = [];
  let releaseFiles = (): void => undefined;
  try {
    const bundle = resolve(options.bundle);
    const record = newRecord({ engine, id, bundle, rootfs, request, spec });
    writeRecord(paths, record);
    const enclave = await openEnclave(engine, paths, { id, request, rootfs, spec });
    releaseFiles = enclave.release;
    opened.push(...enclave.channels.map(([, descriptor]) => descriptor));
    const derived = deriveSpec({
      spec,
      bundle,
      payload: engine.config.rune.payload,
      enclave: enclave.source,
      tee: teeAccess(request, spec),
      channels: ["control", ...enclave.channels.map(([channel]) => channel)],
      preservedDescriptors: options.preservedDescriptors,
      hookWrapper: { command: engine.hookCommand, bundle },
    });
    mkdirSync(paths.bundle, { mode: 0o700 });
    writeFileSync(join(paths.bundle, "config.json"), formatRuntimeSpec(derived), { mode: 0o600 });
    opened.unshift(listenUnix(paths.control, { mode: 0o600 }));
    return {
      paths,
      record: { ...record, ...enclave.known },
      request,
      process: spec.process,
      descriptors: [...opened],
      release: () => opened.splice(0).forEach((descriptor) => closeSync(descriptor)),
      releaseFiles,
    };
  } catch (error) {
    releaseFiles();
    opened.forEach((descriptor) => closeSync(descriptor));
    removeFolder(paths);
    throw error;
  }
}

function assertPayload(payload: string): void {
  if (existsSync(join(payload, "payload.json"))) return;
  throw new InclavareError("ERR_PAYLOAD_MISSING", `there is no payload of init-runelet in ${payload}`);
}

function existsAlready(cause?: unknown): InclavareError {
  return new InclavareError("ERR_CONTAINER_EXISTS", "container with given ID already exists", { cause });
}

/** Making the folder is what decides between two creates of one id. */
function claimFolder(paths: ContainerPaths, runcFolder: string): void {
  if (existsSync(runcFolder)) throw existsAlready();
  mkdirSync(dirname(paths.directory), { recursive: true, mode: 0o700 });
  try {
    mkdirSync(paths.directory, { mode: 0o700 });
  } catch (cause) {
    throw (cause as NodeJS.ErrnoException).code === "EEXIST"
      ? existsAlready(cause)
      : new InclavareError("ERR_FILE", `cannot make ${paths.directory}`, { cause });
  }
}

function newRecord(from: {
  engine: Engine;
  id: string;
  bundle: string;
  rootfs: string;
  request: EnclaveRequest;
  spec: Bundle["spec"];
}): ContainerRecord {
  const { engine, id, bundle, rootfs, request, spec } = from;
  const { cwd, env = [], user, apparmorProfile, selinuxLabel } = spec.process;
  const { uid = 0, gid = 0, additionalGids } = user ?? {};
  const startContainer = startHooksOf(spec);
  return {
    version: 1,
    id,
    root: engine.runc.root,
    cgroups: cgroupFolders(readCgroupFacts(), {
      id,
      cgroupsPath: spec.linux?.cgroupsPath,
      systemd: engine.runc.flags.includes("--systemd-cgroup"),
    }),
    bundle,
    rootfs,
    created: new Date().toISOString(),
    status: "creating",
    annotations: { ...spec.annotations },
    request,
    ...(startContainer.length === 0 ? {} : { startContainer }),
    process: {
      cwd,
      env: withoutRequest(env),
      user: { uid, gid, ...(additionalGids === undefined ? {} : { additionalGids: [...additionalGids] }) },
      ...(apparmorProfile === undefined ? {} : { apparmorProfile }),
      ...(selinuxLabel === undefined ? {} : { selinuxLabel }),
    },
  };
}
