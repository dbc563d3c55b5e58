import { InclavareError } from "@inclavare/errors";
import { Errno } from "./errno.ts";
import { Quota } from "./fs/content.ts";
import { FileSystem } from "./fs/file-system.ts";
import type { FileNode, Node } from "./fs/node.ts";
import { populate, type TreeEntry } from "./fs/populate.ts";
import { lookup } from "./fs/resolve.ts";
import { assertCommand, assertCoreModule, assertMemory } from "./module.ts";

/** Where a program named without a slash is looked for when the environment has no PATH; as runc. */
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface ProgramRequest {
  readonly path: string;
  readonly env: readonly string[];
  readonly cwd: string;
}

/** The programs of one image: finds, checks and compiles them, each once. */
export class Programs {
  readonly #fileSystem: FileSystem;
  readonly #limitBytes: number;
  readonly #compiled = new Map<FileNode, Promise<WebAssembly.Module>>();

  constructor(entries: readonly TreeEntry[], limitBytes: number) {
    this.#limitBytes = limitBytes;
    this.#fileSystem = new FileSystem({ now: () => 0n, quota: new Quota(() => 0) });
    populate(this.#fileSystem, { entries, memoryMounts: [], files: [] });
  }

  /** True for a directory of the image. */
  isDirectory(path: string): boolean {
    return this.#find(path)?.type === "directory";
  }

  /** @throws ERR_WASM_PROGRAM and those of module.ts */
  async load(request: ProgramRequest): Promise<WebAssembly.Module> {
    const file = this.#findProgram(request);
    let compiling = this.#compiled.get(file);
    if (compiling === undefined) {
      compiling = compile(file, request.path, this.#limitBytes);
      this.#compiled.set(file, compiling);
      compiling.catch(() => this.#compiled.delete(file));
    }
    return await compiling;
  }

  #findProgram({ path, env, cwd }: ProgramRequest): FileNode {
    const nodes = candidates(path, env, cwd).map((candidate) => this.#find(candidate));
    const found = nodes.find((node) => node?.type === "file");
    if (found?.type === "file") return found;
    throw new InclavareError("ERR_WASM_PROGRAM", notFound(path, nodes[0]?.type));
  }

  #find(absolutePath: string): Node | undefined {
    const path = absolutePath.replace(/^\/+/u, "");
    try {
      return path === "" ? this.#fileSystem.root : lookup(this.#fileSystem.root, path, "always");
    } catch (error) {
      if (error instanceof Errno) return undefined;
      throw error;
    }
  }
}

/** In runc's words: from these, callers such as dockerd tell what was wrong. */
function notFound(path: string, found: Node["type"] | undefined): string {
  const what = `unable to start container process: exec: ${JSON.stringify(path)}`;
  if (!path.includes("/")) return `${what}: executable file not found in $PATH`;
  return found === undefined ? `${what}: stat ${path}: no such file or directory` : `${what}: is a directory`;
}

function candidates(path: string, env: readonly string[], cwd: string): string[] {
  if (path.startsWith("/")) return [path];
  if (path.includes("/")) return [`${cwd}/${path}`];
  const search = env.find((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? DEFAULT_PATH;
  return search.split(":").map((directory) => `${directory === "" ? cwd : directory}/${path}`);
}

async function compile(file: FileNode, path: string, limitBytes: number): Promise<WebAssembly.Module> {
  // A copy that is not shared: V8 must not compile from bytes that others could change.
  const bytes = new Uint8Array(file.content.sizeBytes);
  file.content.read(0, bytes);
  assertCoreModule(bytes, path);
  assertMemory(bytes, path, limitBytes);
  let module;
  try {
    module = await WebAssembly.compile(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown";
    throw new InclavareError("ERR_WASM_MODULE", `${path} does not compile: ${reason}`, { cause: error });
  }
  assertCommand(module, path);
  return module;
}
