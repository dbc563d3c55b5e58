/** Bundles each app into `lib/inclavare/NAME.mjs`; chunks that are loaded on demand lie beside it. */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { type Plugin, rolldown } from "rolldown";

export interface BundleOptions {
  readonly input: string;
  readonly directory: string;
  readonly name: string;
}

export async function bundle({ input, directory, name }: BundleOptions): Promise<void> {
  const build = await rolldown({
    transform: { define: { INCLAVARE_COMMIT: JSON.stringify(commit()) } },
    input: { [name]: input },
    platform: "node",
    external: [/^node:/u],
    treeshake: { moduleSideEffects: false },
    plugins: [directBuiltins],
    logLevel: "warn",
  });
  try {
    await build.write({
      dir: directory,
      format: "esm",
      entryFileNames: "[name].mjs",
      chunkFileNames: `${name}-[name].mjs`,
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

/**
 * `import { x } from "node:http"` makes Node wrap the whole module, and so runs every lazy getter in it: the one of
 * node:http alone loads undici, 30 ms. Taking the names out of the module itself costs nothing for the other ones.
 */
const directBuiltins: Plugin = {
  name: "direct-builtins",
  renderChunk(code) {
    return code.replace(
      /^import (?:\{([^}]*)\}|\* as (\S+)|(\S+)) from "(node:[^"]+)";$/gmu,
      (_, names: string | undefined, namespace: string | undefined, whole: string | undefined, module: string) => {
        const taken = `process.getBuiltinModule("${module}")`;
        if (names === undefined) return `const ${namespace ?? whole} = ${taken};`;
        const pairs = names.split(",").map((part) => part.trim().split(" as ") as [string, string?]);
        const isLate = ([name]: readonly [string, string?]): boolean =>
          LATE_MODULES.has(module) && FUNCTION.test(name) && !CONSTANTS.has(name);
        const early = pairs.filter((pair) => !isLate(pair)).map((pair) => pair.join(": "));
        const late = pairs
          .filter(isLate)
          .map(([name, local = name]) => `const ${local} = (...args) => ${taken}.${name}(...args);`);
        return [...(early.length > 0 ? [`const { ${early.join(", ")} } = ${taken};`] : []), ...late].join("\n");
      },
    );
  },
};

/** Built-in modules that take milliseconds to load and that many a run never calls: loaded by the first call into them. */
const LATE_MODULES: ReadonlySet<string> = new Set(["node:crypto", "node:fs/promises"]);
/** By Node's naming, functions start with a small letter and classes, which `new` and `instanceof` need, do not. */
const FUNCTION = /^[a-z]/u;
const CONSTANTS: ReadonlySet<string> = new Set(["constants", "promises", "subtle", "webcrypto"]);

/** The apps that are started from a command line; init-runelet is not one of them, it lies in the payload. */
export function commandLineApps(root: string): string[] {
  return readdirSync(join(root, "apps")).filter((name) => name !== "runelet");
}
