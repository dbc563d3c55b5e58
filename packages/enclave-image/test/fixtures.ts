import type { AppImageInput, EnclaveManifest } from "../src/index.ts";

/** The smallest WASI command: `(module (memory (export "memory") 1) (func (export "_start")))`. */
export const EMPTY_COMMAND: Uint8Array = Uint8Array.from(
  Buffer.from(
    "0061736d01000000010401600000030201000503010001071302066d656d6f72790200065f737461727400000a040102000b",
    "hex",
  ),
);

export const MANIFEST: EnclaveManifest = {
  version: 1,
  runtime: "wasm",
  workload: "statistics",
  owner: "tenant",
  entrypoint: ["/app/main.wasm", "--first"],
  args: { fixed: ["--second"] },
  cwd: "/",
  user: { uid: 0, gid: 0 },
  env: { fixed: { TABLE: "/secrets/table.csv" }, fromOutside: ["LANG"] },
  mounts: { memory: ["/tmp"], fromOutside: [] },
  hostFiles: [],
  secrets: [{ name: "table", path: "/secrets/table.csv" }],
  verifiers: ["ab".repeat(32)],
  exec: false,
  hooks: false,
  stdin: true,
  signals: ["TERM"],
  memoryBytes: 1 << 26,
  threads: 2,
  debug: false,
  product: { id: 1, svn: 2 },
  rlimits: [],
};

const owner = { uid: 0, gid: 0, mtimeSeconds: 0 };

export function directory(path: string): AppImageInput {
  return { path, type: "directory", mode: 0o755, ...owner, sizeBytes: 0, read: async () => new Uint8Array() };
}

export function file(path: string, content: Uint8Array | string): AppImageInput {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  return { path, type: "file", mode: 0o644, ...owner, sizeBytes: bytes.byteLength, read: async () => bytes };
}

export function symlink(path: string, target: string): AppImageInput {
  return { path, type: "symlink", mode: 0o777, ...owner, sizeBytes: 0, target, read: async () => new Uint8Array() };
}
