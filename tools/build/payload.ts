/**
 * Assembles the runtime payload: everything that init-runelet needs in a root file system that holds nothing but the
 * application. It is measured into every enclave, so its index names each file with its hash.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { bundle } from "./bundle.ts";
import { compileShared, compileStatic } from "./compile.ts";

/** Where the payload is mounted in the container; the patched Node names its loader and libraries by this path. */
const PAYLOAD_MOUNT = "/dev/inclavare/payload";
const LOADER = { x64: "ld-linux-x86-64.so.2", arm64: "ld-linux-aarch64.so.1" } as const;

/** init-runelet, and what it runs in threads of its own: a guest of the wasm runtime. */
const PROGRAMS = {
  runelet: "apps/runelet/src/main.ts",
  guest: "runtimes/wasm/src/guest.ts",
} as const;

export interface PayloadOptions {
  readonly root: string;
  readonly directory: string;
  readonly node: string;
  readonly koffi: string;
  readonly release: string;
}

export async function buildPayload(options: PayloadOptions): Promise<void> {
  const { root, directory } = options;
  rmSync(directory, { recursive: true, force: true });
  for (const name of ["bin", "lib", "app"]) mkdirSync(join(directory, name), { recursive: true, mode: 0o755 });
  copyLibraries(options);
  patchNode(options);
  copy(options.koffi, join(directory, "lib", "koffi.node"), 0o644);
  compileShared(join(root, "packages", "pal", "native", "palcall.c"), join(directory, "lib", "palcall.so"));
  compileStatic(join(root, "apps", "runelet", "standin", "standin.c"), join(directory, "bin", "standin"));
  for (const [name, source] of Object.entries(PROGRAMS)) {
    await bundle({ input: join(root, source), directory: join(directory, "app"), name });
  }
  writeIndex(options);
}

function architecture(): keyof typeof LOADER {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new Error(`no payload for architecture ${process.arch}: x64 and arm64 are supported`);
}

/** The libraries that the loader itself says Node needs, under the names it looks for. */
function copyLibraries({ directory, node }: PayloadOptions): void {
  const listing = execFileSync("ldd", [node], { encoding: "utf8" });
  const paths = [...listing.matchAll(/(\/\S+\.so\S*) \(0x/gu)].flatMap((match) =>
    match[1] === undefined ? [] : [match[1]],
  );
  if (!paths.some((path) => basename(path) === LOADER[architecture()])) {
    throw new Error(`ldd does not name the loader ${LOADER[architecture()]} for ${node}`);
  }
  for (const path of paths) copy(realpathSync(path), join(directory, "lib", basename(path)), 0o755);
}

/** Without symbols, and with loader and library path fixed to the mount: children of Node then start like any other. */
function patchNode({ directory, node }: PayloadOptions): void {
  const target = join(directory, "bin", "node");
  copy(node, target, 0o755);
  execFileSync("strip", [target]);
  const loader = `${PAYLOAD_MOUNT}/lib/${LOADER[architecture()]}`;
  execFileSync("patchelf", ["--set-interpreter", loader, "--set-rpath", `${PAYLOAD_MOUNT}/lib`, target]);
}

function writeIndex({ directory, release }: PayloadOptions): void {
  const files = listFiles(directory).map((path) => {
    const bytes = readFileSync(join(directory, path));
    return { path, sizeBytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  const index = { release, architecture: architecture(), node: process.version, files };
  writeFileSync(join(directory, "payload.json"), `${JSON.stringify(index, undefined, 2)}\n`, { mode: 0o644 });
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .map((name) => join(directory, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => relative(directory, path))
    .toSorted((a, b) => (a < b ? -1 : 1));
}

function copy(from: string, to: string, mode: number): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}
