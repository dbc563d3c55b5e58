import { join } from "node:path";
import { SUPPORTED_RUNTIMES, type TeeType } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";
import { type ContainerdConfig, isTable, runtimeNamed, type Table } from "./document.ts";
import type { Runtimes } from "./edit.ts";
import { RUNTIME_TYPE } from "./names.ts";

/** What containerd itself has where no file names a runtime; 1.6 and 1.7 forget it as soon as one does. */
const BUILT_IN: Table = { runtime_type: "io.containerd.runc.v2" };
const PREFIX = "rune-";

/** What is to be written for the handlers. */
export interface HandlerFiles {
  /** Their tables in containerd's configuration. */
  readonly runtimes: Runtimes;
  /** Texts of the files with their options, by path. */
  readonly options: ReadonlyMap<string, string>;
}

export interface HandlerWishes {
  /** `rune`, whose containers ask by annotations and variables, or `rune-NAME`, whose default is the runtime NAME. */
  readonly names: readonly string[];
  /** Of the enclaves that a handler makes by default. */
  readonly tee: TeeType;
  /** Folder of the files with options. */
  readonly optionsFolder: string;
  /** Path of the shim where containerd would not find it by its name. */
  readonly shimPath?: string | undefined;
}

/** @throws ERR_USAGE for a name that is none of ours; ERR_REQUEST_UNSUPPORTED for a runtime that this release has not */
export function assertHandlers(names: readonly string[]): void {
  for (const name of names) {
    const runtime = name === "rune" ? undefined : name.slice(PREFIX.length);
    if (name !== "rune" && !["rune-wasm", "rune-linux"].includes(name))
      throw new InclavareError(
        "ERR_USAGE",
        `there is no handler ${JSON.stringify(name)}, expected rune, rune-wasm or rune-linux`,
      );
    if (runtime !== undefined && !SUPPORTED_RUNTIMES.includes(runtime))
      throw new InclavareError(
        "ERR_REQUEST_UNSUPPORTED",
        `${name}: the enclave runtime ${runtime} is not part of this release`,
      );
  }
  const twice = names.find((name, at) => names.indexOf(name) < at);
  if (twice !== undefined) throw new InclavareError("ERR_USAGE", `the handler ${twice} is named twice`);
}

/** What the handlers need, as this node's own runtime is set up: with systemd's cgroups if that one has them. */
export function describeHandlers(config: ContainerdConfig, wishes: HandlerWishes): HandlerFiles {
  const systemd = usesSystemd(config);
  const described = wishes.names.map((name) => {
    const text = optionsOf(name, systemd, wishes.tee);
    const path = join(wishes.optionsFolder, `${name}.toml`);
    const table: Table = {
      runtime_type: RUNTIME_TYPE,
      ...(wishes.shimPath === undefined ? {} : { runtime_path: wishes.shimPath }),
      pod_annotations: ["enclave.*"],
      container_annotations: ["enclave.*"],
      ...(text === undefined ? {} : { options: { ConfigPath: path } }),
    };
    return { name, table, path, text };
  });
  // In version 3 ours come in a file of their own, and what is built in stays.
  const isNeeded = config.version === 2 && config.runtimes === undefined;
  return {
    runtimes: {
      ...(isNeeded ? { runc: BUILT_IN } : {}),
      ...Object.fromEntries(described.map(({ name, table }) => [name, table])),
    },
    options: new Map(described.flatMap(({ path, text }) => (text === undefined ? [] : [[path, text]]))),
  };
}

/** How the node's default runtime is told to make cgroups: kubelet wants the same of every runtime. */
function usesSystemd(config: ContainerdConfig): boolean {
  const runc = runtimeNamed(config, "runc");
  const options = isTable(runc) ? runc["options"] : undefined;
  return isTable(options) && options["SystemdCgroup"] === true;
}

/** @returns undefined where nothing has to be said: then the shim starts faster */
function optionsOf(name: string, systemd: boolean, tee: TeeType): string | undefined {
  const runtime = name === "rune" ? undefined : name.slice(PREFIX.length);
  if (runtime === undefined && !systemd) return undefined;
  const lines = [
    `# Options of the runtime handler ${name} for containerd-shim-rune-v2, made by 'inclavare install containerd'.`,
    `SystemdCgroup = ${systemd}`,
  ];
  const enclave = [
    "",
    "# What a container gets that asks for no enclave itself.",
    "[default_enclave]",
    `type = "${tee}"`,
    `runtime = "${runtime}"`,
  ];
  return `${[...lines, ...(runtime === undefined ? [] : enclave)].join("\n")}\n`;
}
