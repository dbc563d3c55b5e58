import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";

/** A folder that is gone after the test. */
export function scratchDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "inclavare-enclave-image-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

export const PAYLOAD_FILES: Readonly<Record<string, Buffer>> = {
  "app/runelet.mjs": Buffer.from("export {};\n"),
  "bin/node": Buffer.alloc(2 * 4096 + 1, 0x90),
  "lib/empty.so": Buffer.alloc(0),
  "lib/libc.so.6": Buffer.alloc(4096, 0xcc),
};

/** A payload as the build writes it, of a few small files. */
export function writePayload(directory: string, files: Readonly<Record<string, Buffer>> = PAYLOAD_FILES): string {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  }
  const index = {
    release: "0.0.0",
    architecture: "x64",
    node: "v24.0.0",
    files: Object.entries(files).map(([path, bytes]) => ({
      path,
      sizeBytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
    })),
  };
  writeFileSync(join(directory, "payload.json"), `${JSON.stringify(index, undefined, 2)}\n`);
  return directory;
}
