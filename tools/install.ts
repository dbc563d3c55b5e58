/** Copies the built tree to PREFIX (`make install PREFIX=DIR`), or removes it (`make uninstall`). */
import { copyFileSync, existsSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { commandLineApps } from "./build/bundle.ts";
import { LAUNCHED } from "./build/compile.ts";
import { commandName, copyTree, writeStarters } from "./build/layout.ts";

const root = join(import.meta.dirname, "..");
const [action, prefixArgument] = process.argv.slice(2);
if ((action !== "install" && action !== "uninstall") || prefixArgument === undefined || prefixArgument === "") {
  console.error("usage: node tools/install.ts install|uninstall PREFIX");
  process.exit(2);
}
const prefix = resolve(prefixArgument);
const library = join(prefix, "lib", "inclavare");
const apps = commandLineApps(root);
if (prefix === join(root, "dist")) throw new Error("PREFIX is the build's own folder");

for (const name of apps) rmSync(join(prefix, "bin", commandName(name)), { force: true });
rmSync(library, { recursive: true, force: true });
if (action === "install") {
  const built = join(root, "dist", "lib", "inclavare");
  if (!existsSync(join(built, "payload", "payload.json"))) throw new Error("nothing is built yet: run make first");
  copyTree(built, library);
  writeStarters(prefix, library, apps);
  for (const app of LAUNCHED)
    copyFileSync(join(root, "dist", "bin", commandName(app)), join(prefix, "bin", commandName(app)));
}
console.error(`${action === "install" ? "installed to" : "removed from"} ${prefix}: ${apps.join(", ")}`);
