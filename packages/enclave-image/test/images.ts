import { join } from "node:path";
import type { TestContext } from "node:test";
import { type ImageConfig, openImage, type TarInput, writeLayout } from "@inclavare/oci";
import { convertImage, type ConvertOptions, type TeeImage } from "../src/index.ts";
import { EMPTY_COMMAND } from "./fixtures.ts";
import { scratchDirectory } from "./payload.ts";

const OWNER = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 1 };
export const CREATED: Date = new Date("2024-03-09T12:00:00Z");

export function tarFile(path: string, content: Uint8Array | string): TarInput {
  return { path, type: "file", ...OWNER, content: Buffer.from(content) };
}

export function tarLink(path: string, linkTarget: string): TarInput {
  return { path, type: "symlink", ...OWNER, linkTarget };
}

export const APPLICATION: readonly TarInput[] = [
  tarFile("/app/main.wasm", EMPTY_COMMAND),
  tarFile("/etc/passwd", "app:x:1000:1001::/:/bin/sh\n"),
];

/** Writes an ordinary image and returns the path of its layout. */
export async function writeOrdinary(
  t: TestContext,
  config: ImageConfig = { Entrypoint: ["/app/main.wasm"] },
  entries: readonly TarInput[] = APPLICATION,
): Promise<string> {
  const directory = join(scratchDirectory(t), "ordinary");
  const platform = { os: "linux", architecture: "amd64" };
  await writeLayout(directory, { config, platform, layers: [{ entries }], created: CREATED });
  return directory;
}

export async function convert(path: string, options: ConvertOptions = {}): Promise<TeeImage> {
  await using image = await openImage(path);
  return await convertImage(image, options);
}
