/** Builds everything under `dist/`, which has the same layout as an installation. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { bundle, commandLineApps } from "./build/bundle.ts";
import { compileLauncher, compileSkeletons, LAUNCHED } from "./build/compile.ts";
import { buildExamples } from "./build/examples.ts";
import { commandName, linkFile, writeStarters } from "./build/layout.ts";
import { buildPayload } from "./build/payload.ts";

const root = join(import.meta.dirname, "..");
const library = join(root, "dist", "lib", "inclavare");
const require = createRequire(import.meta.url);
const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };

function say(text: string): void {
  process.stderr.write(`build: ${text}\n`);
}

const node = join(dirname(require.resolve(`node-linux-${process.arch}/package.json`)), "bin", "node");
const koffi = join(
  dirname(require.resolve(`@koromix/koffi-linux-${process.arch}/package.json`)),
  `linux_${process.arch}`,
  "koffi.node",
);

process.on("uncaughtException", (error) => {
  say(`failed: ${error.message}`);
  process.exit(1);
});

rmSync(join(root, "dist"), { recursive: true, force: true });
mkdirSync(join(library, "lib"), { recursive: true });
const apps = commandLineApps(root);
for (const name of apps) {
  await bundle({ input: join(root, "apps", name, "src", "main.ts"), directory: library, name });
}
say(`bundled ${apps.join(", ")}`);
linkFile(node, join(library, "node"));
linkFile(koffi, join(library, "lib", "koffi.node"));
writeStarters(join(root, "dist"), library, apps);
for (const app of LAUNCHED) compileLauncher(root, app, join(root, "dist", "bin", commandName(app)));
compileSkeletons(root, join(library, "pals"));
buildExamples(root, join(library, "examples"));
say("compiled the examples");
await buildPayload({ root, directory: join(library, "payload"), node, koffi, release: version });
say(`payload of init-runelet in ${join("dist", "lib", "inclavare", "payload")}`);
