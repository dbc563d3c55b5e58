import { posix } from "node:path";
import { type TarInput, writeLayout } from "@inclavare/oci";

const OWNER = { uid: 0, gid: 0, mtimeSeconds: 0 } as const;

/** An image as anybody builds it: one layer with one program, an entrypoint, an environment. It knows nothing of TEEs. */
export async function writeOrdinaryImage(directory: string, program: Uint8Array, path: string): Promise<void> {
  const entries: TarInput[] = [
    { path: posix.dirname(path), type: "directory", mode: 0o755, ...OWNER },
    { path, type: "file", mode: 0o755, ...OWNER, content: program },
  ];
  await writeLayout(directory, {
    config: { Entrypoint: [path], Env: ["TABLE=/secrets/table.csv"], WorkingDir: "/" },
    platform: { os: "linux", architecture: "wasm" },
    layers: [{ entries }],
  });
}
