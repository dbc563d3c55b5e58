/** The files that the shim keeps in a bundle, so that `delete` works when the shim is gone. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ShimOptions } from "../options.ts";

/** By the names of containerd's own shim: a text for each option that was given. */
const NAMES = {
  no_pivot_root: "noPivot",
  no_new_keyring: "noNewKeyring",
  shim_cgroup: "shimCgroup",
  io_uid: "ioUid",
  io_gid: "ioGid",
  binary_name: "binaryName",
  root: "root",
  systemd_cgroup: "systemdCgroup",
  criu_image_path: "criuImagePath",
  criu_work_path: "criuWorkPath",
} as const satisfies Record<string, keyof ShimOptions>;

/** What `delete` has to know of the options. */
export type KeptOptions = Pick<ShimOptions, "binaryName" | "root" | "systemdCgroup">;

export function writeOptions(bundle: string, options: ShimOptions): void {
  const given = Object.entries(NAMES).flatMap(([name, key]) => {
    const value = options[key];
    return value === undefined || value === "" || value === false ? [] : [[name, value] as const];
  });
  writeFileSync(join(bundle, "options.json"), JSON.stringify(Object.fromEntries(given)), { mode: 0o600 });
  writeFileSync(join(bundle, "runtime"), options.binaryName, { mode: 0o600 });
}

/** Files that are missing or broken mean: nothing was given. */
export function readKeptOptions(bundle: string): KeptOptions {
  const given = parse(readText(join(bundle, "options.json")));
  const root = given["root"];
  return {
    binaryName: readText(join(bundle, "runtime")).trim(),
    root: typeof root === "string" ? root : "",
    systemdCgroup: given["systemd_cgroup"] === true,
  };
}

/** The pid that the low-level runtime wrote; 0 when there is none. */
export function readPid(file: string): number {
  const text = readText(file).trim();
  return /^[1-9]\d{0,9}$/u.test(text) ? Number(text) : 0;
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function parse(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
