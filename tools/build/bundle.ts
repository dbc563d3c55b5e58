/** Bundles each app into `lib/inclavare/NAME.mjs`; chunks that are loaded on demand lie beside it. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";

export interface BundleOptions {
  readonly input: string;
  readonly directory: string;
  readonly name: string;
  /** One file with nothing beside it, for code that is measured; else what is imported dynamically stays apart. */
  readonly single: boolean;
}

export async function bundle({ input, directory, name, single }: BundleOptions): Promise<void> {
  const build = await rolldown({
    transform: { define: { INCLAVARE_COMMIT: JSON.stringify(commit()) } },
    input: { [name]: input },
    platform: "node",
    external: [/^node:/u],
    treeshake: { moduleSideEffects: false },
    logLevel: "warn",
  });
  try {
    await build.write({
      dir: directory,
      format: "esm",
      entryFileNames: "[name].mjs",
      chunkFileNames: `${name}-[name].mjs`,
      codeSplitting: !single,
      comments: false,
    });
  } finally {
    await build.close();
  }
}

/** Which state of the sources this is, where that can be told: a source archive has no history. */
function commit(): string {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--dirty", "--tags", "--abbrev=12"], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : "unknown";
}

/** The apps that are started from a command line; init-runelet is not one of them, it lies in the payload. */
export function commandLineApps(root: string): string[] {
  return readdirSync(join(root, "apps")).filter((name) => name !== "runelet");
}
