import { InclavareError } from "@inclavare/errors";
import { createHash } from "node:crypto";
import { DigestCheck, verifyStream } from "./digest.ts";
import {
  type DockerManifest,
  type ImageDocument,
  parseDockerManifest,
  parseImageDocument,
  readSmall,
} from "./documents.ts";
import type { ImageFiles } from "./files.ts";
import { layerMediaType, sniffCompression } from "./media-types.ts";
import { matchesReference } from "./reference.ts";
import type { ImageLayer, OpenImageOptions } from "./types.ts";

/** What {@link openDockerArchive} finds. */
export interface DockerImage {
  readonly document: ImageDocument;
  readonly layers: readonly ImageLayer[];
}

/**
 * Opens the legacy form of `docker save`: manifest.json, a configuration whose name is its hash, and layers that are
 * found by name and checked by the configuration's diff_ids.
 */
export async function openDockerArchive(files: ImageFiles, { reference }: OpenImageOptions): Promise<DockerImage> {
  const images = parseDockerManifest(await readSmall(files, "manifest.json", "manifest.json"), "manifest.json");
  const image = select(images, reference);
  const document = await readConfig(files, image.Config);
  const { diff_ids: diffIds } = document.rootfs;
  const names = image.Layers ?? [];
  if (names.length !== diffIds.length) {
    throw new InclavareError("ERR_OCI_IMAGE", `the image has ${names.length} layers and ${diffIds.length} diff_ids`);
  }
  const layers: ImageLayer[] = [];
  for (const [index, name] of names.entries()) layers.push(await describeLayer(files, name, diffIds[index] ?? ""));
  return { document, layers };
}

function select(images: DockerManifest, reference: string | undefined): DockerManifest[number] {
  const named =
    reference === undefined ? images : images.filter(({ RepoTags = [] }) => matchesReference(RepoTags, reference));
  const references = images.flatMap(({ RepoTags, Config }) => RepoTags ?? [Config]);
  const [first, ...others] = named;
  if (first === undefined) {
    const message = reference === undefined ? "there is no image in it" : `there is no image ${reference} in it`;
    throw new InclavareError("ERR_OCI_REFERENCE", `${message}, only ${references.join(", ")}`, {
      details: { references },
    });
  }
  if (others.length === 0) return first;
  throw new InclavareError("ERR_OCI_AMBIGUOUS", `${named.length} images fit; say which: ${references.join(", ")}`, {
    details: { references },
  });
}

async function readConfig(files: ImageFiles, name: string): Promise<ImageDocument> {
  const what = `image configuration ${name}`;
  const bytes = await readSmall(files, name, what);
  const hash = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/u.exec(name)?.[1];
  // Docker names the file by its hash, which is the image's id; a name without one promises nothing.
  if (hash !== undefined) {
    const check = new DigestCheck(`sha256:${hash}`, what);
    check.update(bytes);
    check.finish();
  }
  return parseImageDocument(bytes, what);
}

async function describeLayer(files: ImageFiles, name: string, diffId: string): Promise<ImageLayer> {
  const sizeBytes = await files.sizeOf(name);
  if (sizeBytes === undefined) {
    throw new InclavareError("ERR_OCI_BLOB_MISSING", `layer ${name} is not in the image`, { details: { name } });
  }
  const compression = sniffCompression(await readStart(files, name));
  // The archive says what is in a layer only; of a compressed one the stored bytes' own digest must be worked out.
  const digest = compression === "none" ? diffId : await digestOf(files, name);
  const open = (): ReturnType<ImageLayer["open"]> => verifyStream(files.read(name), digest, `layer ${name}`, sizeBytes);
  return { mediaType: layerMediaType(compression), digest, diffId, sizeBytes, open };
}

async function readStart(files: ImageFiles, name: string): Promise<Uint8Array> {
  for await (const chunk of files.read(name)) return chunk;
  return new Uint8Array(0);
}

async function digestOf(files: ImageFiles, name: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of files.read(name)) hash.update(chunk);
  return `sha256:${hash.digest("hex")}`;
}
