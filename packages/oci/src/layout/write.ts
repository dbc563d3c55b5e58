import { InclavareError } from "@inclavare/errors";
import { createHash, randomUUID } from "node:crypto";
import { chmod, type FileHandle, open, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "../image/digest.ts";
import {
  MEDIA_TYPE_CONFIG,
  MEDIA_TYPE_INDEX,
  MEDIA_TYPE_LAYER,
  MEDIA_TYPE_MANIFEST,
  sniffCompression,
} from "../image/media-types.ts";
import type { ImageConfig, Platform } from "../image/types.ts";
import { packTar } from "../tar/pack.ts";
import type { TarInput } from "../tree/types.ts";
import { fillDirectory, makeDirectory } from "./target.ts";

type Annotations = Readonly<Record<string, string>>;

/** A layer to be written: a tar archive as it is, or entries, of which one is made. */
export type LayerInput = (
  | { readonly tar: AsyncIterable<Uint8Array>; readonly entries?: never }
  | { readonly entries: readonly TarInput[]; readonly tar?: never }
) & { readonly annotations?: Annotations };

export interface LayoutInput {
  readonly config: ImageConfig;
  readonly platform: Platform;
  readonly layers: readonly LayerInput[];
  readonly manifestAnnotations?: Annotations;
  /** The annotation org.opencontainers.image.ref.name; left out: the image has no name. */
  readonly reference?: string;
  /** Left out: the configuration does not say. */
  readonly created?: Date;
}

/** What was written. */
export interface WrittenBlob {
  readonly digest: string;
  readonly sizeBytes: number;
}

export interface WrittenLayout {
  readonly manifestDigest: string;
  readonly configDigest: string;
  readonly layers: readonly WrittenBlob[];
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Annotations;
}

/**
 * Writes an image as an OCI layout directory. The same input gives the same bytes, anywhere and with any release of
 * Node: layers are plain tar archives, because the output of a compressor follows from its version, and then the
 * manifest's digest would too (a registry client may compress on the way).
 *
 * The directory appears complete or not at all; files have mode 0644, directories 0755.
 * @throws ERR_OCI_TARGET_EXISTS unless the directory is missing or empty; ERR_OCI_LAYER, ERR_OCI_LAYER_PATH for bad
 * entries; ERR_OCI_MEDIA_TYPE when `tar` gives a compressed archive; ERR_FILE
 * @see OCI image specification 1.1, image-layout.md
 */
export async function writeLayout(directory: string, input: LayoutInput): Promise<WrittenLayout> {
  let written: WrittenLayout | undefined;
  await fillDirectory(directory, async (temporary) => {
    await chmod(temporary, 0o755);
    await makeDirectory(join(temporary, "blobs"), 0o755);
    await makeDirectory(join(temporary, "blobs", "sha256"), 0o755);
    written = await writeImage(temporary, input);
  });
  if (written === undefined) throw new InclavareError("ERR_INTERNAL", "the layout was not written");
  return written;
}

async function writeImage(directory: string, input: LayoutInput): Promise<WrittenLayout> {
  const { platform, config, manifestAnnotations, reference, created } = input;
  const layers: Blob[] = [];
  for (const layer of input.layers) layers.push(await writeLayer(directory, layer));
  const configBlob = await writeJsonBlob(directory, MEDIA_TYPE_CONFIG, {
    ...(created === undefined ? {} : { created: created.toISOString() }),
    ...platform,
    config,
    // Plain archives: the blob's digest is the diff_id.
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  });
  const manifest = await writeJsonBlob(directory, MEDIA_TYPE_MANIFEST, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE_MANIFEST,
    config: configBlob,
    layers,
    ...(manifestAnnotations === undefined ? {} : { annotations: manifestAnnotations }),
  });
  const named = reference === undefined ? {} : { annotations: { "org.opencontainers.image.ref.name": reference } };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE_INDEX, manifests: [{ ...manifest, platform, ...named }] };
  await writeText(join(directory, "index.json"), canonicalJson(index));
  await writeText(join(directory, "oci-layout"), canonicalJson({ imageLayoutVersion: "1.0.0" }));
  return {
    manifestDigest: manifest.digest,
    configDigest: configBlob.digest,
    layers: layers.map(({ digest, size }) => ({ digest, sizeBytes: size })),
  };
}

async function writeLayer(directory: string, layer: LayerInput): Promise<Blob> {
  const path = join(directory, "blobs", "sha256", `.${randomUUID()}`);
  const file = await open(path, "wx", 0o600);
  try {
    const { digest, size } = await copyHashed(layer.tar ?? packTar(layer.entries), file);
    await file.chmod(0o644);
    await rename(path, join(directory, "blobs", digest.replace(":", "/")));
    const { annotations } = layer;
    return { mediaType: MEDIA_TYPE_LAYER, digest, size, ...(annotations === undefined ? {} : { annotations }) };
  } finally {
    await file.close();
  }
}

async function copyHashed(
  chunks: AsyncIterable<Uint8Array>,
  file: FileHandle,
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of chunks) {
    if (size === 0 && sniffCompression(chunk) !== "none") {
      throw new InclavareError(
        "ERR_OCI_MEDIA_TYPE",
        "a layer to be written is compressed, expected a plain tar archive",
      );
    }
    hash.update(chunk);
    await file.appendFile(chunk);
    size += chunk.byteLength;
  }
  return { digest: `sha256:${hash.digest("hex")}`, size };
}

async function writeJsonBlob(directory: string, mediaType: string, value: object): Promise<Blob> {
  const text = canonicalJson(value);
  const digest = digestOf(Buffer.from(text));
  await writeText(join(directory, "blobs", digest.replace(":", "/")), text);
  return { mediaType, digest, size: Buffer.byteLength(text) };
}

async function writeText(path: string, text: string): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o644);
}

/** JSON with sorted names, so that the order in which a caller built an object does not change the bytes. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "object" && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).toSorted(([left], [right]) => (left < right ? -1 : 1)))
      : item,
  );
}
