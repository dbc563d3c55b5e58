import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { mount } from "@inclavare/linux";
import { STATUS, TtrpcError } from "@inclavare/ttrpc";
import type { Mount } from "../messages/common.ts";

const MS = {
  rdonly: 1,
  nosuid: 2,
  nodev: 4,
  noexec: 8,
  synchronous: 16,
  remount: 32,
  mandlock: 64,
  dirsync: 128,
  noatime: 1024,
  nodiratime: 2048,
  bind: 4096,
  rec: 16384,
  relatime: 1 << 21,
  strictatime: 1 << 24,
} as const;

/** fstab's words: what each sets, or takes back. */
const WORDS: Readonly<Record<string, { readonly flag: number; readonly clears?: boolean }>> = {
  async: { flag: MS.synchronous, clears: true },
  atime: { flag: MS.noatime, clears: true },
  bind: { flag: MS.bind },
  defaults: { flag: 0 },
  dev: { flag: MS.nodev, clears: true },
  diratime: { flag: MS.nodiratime, clears: true },
  dirsync: { flag: MS.dirsync },
  exec: { flag: MS.noexec, clears: true },
  mand: { flag: MS.mandlock },
  noatime: { flag: MS.noatime },
  nodev: { flag: MS.nodev },
  nodiratime: { flag: MS.nodiratime },
  noexec: { flag: MS.noexec },
  nomand: { flag: MS.mandlock, clears: true },
  norelatime: { flag: MS.relatime, clears: true },
  nostrictatime: { flag: MS.strictatime, clears: true },
  nosuid: { flag: MS.nosuid },
  rbind: { flag: MS.bind | MS.rec },
  relatime: { flag: MS.relatime },
  remount: { flag: MS.remount },
  ro: { flag: MS.rdonly },
  rw: { flag: MS.rdonly, clears: true },
  strictatime: { flag: MS.strictatime },
  suid: { flag: MS.nosuid, clears: true },
  sync: { flag: MS.synchronous },
};

/** The kernel takes one page. */
const MAX_DATA_BYTES = 4095;
const INTERNAL = "X-containerd.";

/** mount(2)'s flags and data from a list of options as in fstab; options that are containerd's own are left out. */
export function parseMountOptions(options: readonly string[]): { readonly flags: number; readonly data: string } {
  let flags = 0;
  const data: string[] = [];
  for (const option of options) {
    if (option.startsWith(INTERNAL)) continue;
    const word = Object.hasOwn(WORDS, option) ? WORDS[option] : undefined;
    if (word === undefined) data.push(option);
    else flags = word.clears === true ? flags & ~word.flag : flags | word.flag;
  }
  return { flags, data: data.join(",") };
}

/**
 * Mounts a container's root file system, one mount after the other.
 * @throws TtrpcError INVALID_ARGUMENT, ERR_LINUX_CALL; what is mounted by then stays, for the caller to take away.
 */
export function mountRootfs(rootfs: string, mounts: readonly Mount[]): void {
  if (mounts.length > 0) mkdirSync(rootfs, { recursive: true, mode: 0o711 });
  for (const { type, source, target, options } of mounts) {
    const point = join(rootfs, target);
    if (point !== rootfs && !point.startsWith(`${rootfs}/`))
      throw invalid(`the mount's target ${target} leaves the rootfs`);
    const { flags, data } = parseMountOptions(options);
    const isBind = (flags & MS.bind) !== 0;
    const short = type === "overlay" ? shortenOverlay(data) : { data, directory: undefined };
    if (Buffer.byteLength(short.data) > MAX_DATA_BYTES)
      throw invalid(
        `the options of the mount at ${point} have ${Buffer.byteLength(short.data)} bytes, the kernel takes 4095`,
      );
    inDirectory(short.directory, () =>
      mount({ source, target: point, type, flags: isBind ? flags & ~MS.rdonly : flags, data: short.data }),
    );
    // A bind mount takes its flags only when it is there.
    if (isBind && (flags & ~(MS.bind | MS.rec)) !== 0)
      mount({ source: "", target: point, type: "", flags: flags | MS.remount });
  }
}

/** Many layers: their paths are written relative to the folder that they share. */
export function shortenOverlay(data: string): { readonly data: string; readonly directory: string | undefined } {
  const words = data.split(",");
  const lower = words.find((word) => word.startsWith("lowerdir="));
  if (Buffer.byteLength(data) <= MAX_DATA_BYTES || lower === undefined) return { data, directory: undefined };
  const layers = lower.slice("lowerdir=".length).split(":");
  let directory = dirname(layers[0] ?? "/");
  while (!layers.every((layer) => layer.startsWith(`${directory}/`)) && directory !== "/")
    directory = dirname(directory);
  if (directory === "/") return { data, directory: undefined };
  const relative = layers.map((layer) => layer.slice(directory.length + 1)).join(":");
  return { data: words.map((word) => (word === lower ? `lowerdir=${relative}` : word)).join(","), directory };
}

/** The working directory is the whole process's, so nothing may wait in here. */
function inDirectory(directory: string | undefined, run: () => void): void {
  if (directory === undefined) return run();
  const before = process.cwd();
  process.chdir(directory);
  try {
    run();
  } finally {
    process.chdir(before);
  }
}

function invalid(message: string): TtrpcError {
  return new TtrpcError(STATUS.invalidArgument, message);
}
