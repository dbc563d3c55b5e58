import { spawnSync } from "node:child_process";
import { findProgram } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";
import { invalid, parseContainerdConfig, runtimeNamed, type Table } from "./document.ts";
import type { Runtimes } from "./edit.ts";

const DEADLINE_MS = 10_000;
const PROGRAM = "containerd";

/** The containerd of this machine, as far as its configuration is concerned. */
export class Daemon {
  readonly #program: string;

  private constructor(program: string) {
    this.#program = program;
  }

  /** @returns undefined where there is none in PATH */
  static find(path: string | undefined): Daemon | undefined {
    try {
      return new Daemon(findProgram(PROGRAM, path));
    } catch {
      return undefined;
    }
  }

  /** The version of configuration that it writes itself: 2 up to 1.7, 3 from 2.0 on. @throws ERR_CONTAINERD_CONFIG */
  configVersion(): 2 | 3 {
    const { root } = parseContainerdConfig(this.#run(["config", "default"]), "containerd's default configuration");
    return root["version"] === 3 ? 3 : 2;
  }

  /** The runtimes that it would have with a configuration, imports and defaults included. @throws ERR_CONTAINERD_CONFIG */
  runtimesOf(config: string): Table {
    const text = this.#run(["--config", config, "config", "dump"]);
    return parseContainerdConfig(text, `containerd's reading of ${config}`).runtimes ?? {};
  }

  #run(args: readonly string[]): string {
    const { status, stdout, stderr, error } = spawnSync(this.#program, args, {
      encoding: "utf8",
      timeout: DEADLINE_MS,
    });
    if (status === 0) return stdout;
    const said = stderr.trim().split("\n").at(-1) ?? "";
    throw new InclavareError(
      "ERR_CONTAINERD_CONFIG",
      `${this.#program} ${args.join(" ")} failed: ${error?.message ?? said}`,
    );
  }
}

/**
 * Compares what containerd itself makes of a changed configuration with what was meant: ours are there, and no other is lost.
 * @throws ERR_CONTAINERD_CONFIG
 */
export function assertTaken(after: Table, before: Table, ours: Runtimes, config: string): void {
  for (const [name, { runtime_type: type }] of Object.entries(ours)) {
    const runtime = runtimeNamed({ runtimes: after }, name) as Table | undefined;
    if (runtime?.["runtime_type"] !== type)
      throw invalid(
        `containerd does not take the runtime ${name} from ${config}: an imported file has its section; name that file`,
      );
  }
  const lost = Object.keys(before).find((name) => !(name in after));
  if (lost !== undefined) throw invalid(`containerd would lose the runtime ${lost}`);
}
