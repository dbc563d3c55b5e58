import { posix, resolve } from "node:path";
import { InclavareError } from "@inclavare/errors";
import type { RuntimeSpec, SpecLinux, SpecMount, SpecProcess } from "@inclavare/oci";
import { wrapHooks, type HookWrapper } from "./hooks.ts";
import { assertLimits } from "./limits.ts";
import { ENCLAVE_MOUNT, LIBRARY_MOUNT, PAYLOAD_MOUNT } from "./mounts.ts";
import type { TeeAccess } from "./tee-access.ts";

/** A descriptor of init-runelet, by what is at its other end. */
export type Channel = "control" | "attester" | "attest" | "crash";

/** What the enclave is made from: files that attesterd measured, or a PAL library with what it needs. */
export type EnclaveSource =
  | { readonly kind: "measured"; readonly runtime: string; readonly directory: string }
  | { readonly kind: "library"; readonly files: readonly BoundFile[] };

/** A file of the host that init-runelet finds by a name of its own. */
export interface BoundFile {
  readonly name: string;
  readonly path: string;
}

/** What a derived bundle is made from. */
export interface DerivationInput {
  readonly spec: RuntimeSpec;
  /** The caller's bundle, absolute; relative paths in its config.json start here. */
  readonly bundle: string;
  /** Folder of init-runelet's payload on the host. */
  readonly payload: string;
  readonly enclave: EnclaveSource;
  /** What of the machine's TEE the container gets. */
  readonly tee: TeeAccess;
  /** In the order in which init-runelet inherits them, after the caller's. */
  readonly channels: readonly Channel[];
  /** How many further descriptors the caller passes (`--preserve-fds`). */
  readonly preservedDescriptors: number;
  /** Runs a hook with the caller's bundle path in its state. */
  readonly hookWrapper: HookWrapper;
}

/** Limits that would keep V8 from reserving its address space; they are meant for the application, which is inside. */
const DROPPED_LIMITS = new Set(["RLIMIT_AS", "RLIMIT_DATA"]);
/** What init-runelet needs for itself and for as many processes as an enclave may have; lower limits are lifted to it. */
const LEAST_LIMITS: ReadonlyMap<string, number> = new Map([
  ["RLIMIT_NOFILE", 1024],
  ["RLIMIT_NPROC", 256],
]);
/** init-runelet's whole environment: nothing of an image's reaches it. */
const FIXED_ENVIRONMENT = ["HOME=/", "LANG=C.UTF-8", "MALLOC_ARENA_MAX=1", "PATH=/usr/bin:/bin"];
const BIND_OPTIONS = ["bind", "ro", "nosuid", "nodev", "private"];
const DEV_TMPFS: SpecMount = {
  destination: "/dev",
  type: "tmpfs",
  source: "tmpfs",
  options: ["nosuid", "strictatime", "mode=755", "size=65536k"],
};

/**
 * Derives the configuration that runc gets: init-runelet as the process, its payload and the enclave's files read-only
 * below the container's own /dev, every path absolute. What is not named here stays as the caller wrote it.
 * @throws ERR_PIDS_LIMIT, ERR_MEMORY_LIMIT, ERR_BUNDLE_UNSUITABLE, ERR_OCI_SPEC
 */
export function deriveSpec(input: DerivationInput): RuntimeSpec {
  const { spec, bundle, enclave, tee } = input;
  if (spec.process === undefined || spec.root === undefined)
    throw new InclavareError("ERR_OCI_SPEC", `the configuration of ${bundle} has no process or no root`);
  assertLimits(spec.linux?.resources ?? {});
  const mounts = (spec.mounts ?? []).map((mount) => absoluteSource(mount, bundle));
  return {
    ...spec,
    process: deriveProcess(spec.process, input),
    root: { ...spec.root, path: resolve(bundle, spec.root.path) },
    mounts: [...withDev(mounts), ...tee.mounts, bind(input.payload, PAYLOAD_MOUNT), ...enclaveMounts(enclave)],
    ...(spec.hooks === undefined ? {} : { hooks: wrapHooks(spec.hooks, input.hookWrapper) }),
    ...(hasAccess(tee) ? { linux: withAccess(spec.linux, tee) } : {}),
  };
}

function enclaveMounts(enclave: EnclaveSource): SpecMount[] {
  if (enclave.kind === "measured") return [bind(enclave.directory, ENCLAVE_MOUNT)];
  return enclave.files.map(({ name, path }) => bind(path, `${LIBRARY_MOUNT}/${name}`));
}

function hasAccess({ devices, cgroupFiles }: TeeAccess): boolean {
  return devices.length > 0 || Object.keys(cgroupFiles).length > 0;
}

function withAccess(linux: SpecLinux | undefined, { devices, deviceRules, cgroupFiles }: TeeAccess): SpecLinux {
  const { resources } = linux ?? {};
  const unified = { ...resources?.unified, ...cgroupFiles };
  return {
    ...linux,
    devices: [...(linux?.devices ?? []), ...devices],
    resources: {
      ...resources,
      devices: [...(resources?.devices ?? []), ...deviceRules],
      ...(Object.keys(unified).length === 0 ? {} : { unified }),
    },
  };
}

function deriveProcess(
  process: SpecProcess,
  { enclave, channels, preservedDescriptors }: DerivationInput,
): SpecProcess {
  const { rlimits, ...rest } = process;
  const libraries = enclave.kind === "library" ? [`LD_LIBRARY_PATH=${LIBRARY_MOUNT}`] : [];
  return {
    ...rest,
    args: [
      `${PAYLOAD_MOUNT}/bin/node`,
      // Without it SIGUSR1 opens V8's debugger in the container's network namespace.
      "--disable-sigusr1",
      "--expose-gc",
      "--max-semi-space-size=1",
      `${PAYLOAD_MOUNT}/app/runelet.mjs`,
      ...(enclave.kind === "measured" ? [`--runtime=${enclave.runtime}`] : []),
      ...channels.map((channel, index) => `--${channel}-fd=${3 + preservedDescriptors + index}`),
    ],
    env: [...FIXED_ENVIRONMENT, ...libraries],
    cwd: "/",
    ...(rlimits === undefined
      ? {}
      : { rlimits: rlimits.filter(({ type }) => !DROPPED_LIMITS.has(type)).map(liftLimit) }),
  };
}

type Limit = NonNullable<SpecProcess["rlimits"]>[number];

function liftLimit({ type, soft, hard }: Limit): Limit {
  const least = LEAST_LIMITS.get(type) ?? 0;
  return { type, soft: soft < least ? least : soft, hard: hard < least ? least : hard };
}

function isBind({ type, options = [] }: SpecMount): boolean {
  return type === "bind" || options.includes("bind") || options.includes("rbind");
}

function absoluteSource(mount: SpecMount, bundle: string): SpecMount {
  return isBind(mount) && mount.source !== undefined ? { ...mount, source: resolve(bundle, mount.source) } : mount;
}

/**
 * The mounts with a tmpfs at /dev, where mount points can be made that vanish with the container. A bind mount there is
 * somebody else's folder: making ours in it would leave traces on the host.
 */
function withDev(mounts: readonly SpecMount[]): readonly SpecMount[] {
  const ours = mounts.find((mount) => place(mount) === "/dev/inclavare" || place(mount).startsWith("/dev/inclavare/"));
  if (ours !== undefined)
    throw new InclavareError("ERR_BUNDLE_UNSUITABLE", `a mount at ${ours.destination} is in the place of init-runelet`);
  const over = mounts.findLastIndex((mount) => place(mount) === "/");
  const dev = mounts.findLast((mount) => place(mount) === "/dev");
  if (over >= 0) throw new InclavareError("ERR_BUNDLE_UNSUITABLE", "a mount over / would hide init-runelet");
  if (dev === undefined) return [DEV_TMPFS, ...mounts];
  if (dev.type === "tmpfs" && !isBind(dev)) return mounts;
  throw new InclavareError(
    "ERR_BUNDLE_UNSUITABLE",
    `/dev of the container is a ${isBind(dev) ? "bind mount" : (dev.type ?? "mount")} of ${dev.source ?? "nothing"}; ` +
      "init-runelet needs a tmpfs there, for a mount point elsewhere would be left behind",
  );
}

/** The mount point as runc understands it: from the container's root, without dots and double slashes. */
function place(mount: SpecMount): string {
  return posix.resolve("/", mount.destination);
}

function bind(source: string, destination: string): SpecMount {
  return { source, destination, type: "bind", options: BIND_OPTIONS };
}
