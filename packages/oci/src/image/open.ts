import { InclavareError, isInclavareError, toInclavareError } from "@inclavare/errors";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { findCandidates, selectCandidate } from "./candidates.ts";
import { verifyStream } from "./digest.ts";
import { openDockerArchive } from "./docker-archive.ts";
import {
  blobName,
  checkLayoutFile,
  type Descriptor,
  type ImageDocument,
  parseImageDocument,
  parseManifest,
  readDocument,
  readSmall,
} from "./documents.ts";
import { ArchiveFiles, DirectoryFiles, type ImageFiles } from "./files.ts";
import { fitsPlatform, formatPlatform } from "./platform.ts";
import type { ImageLayer, OpenedImage, OpenImageOptions, Platform } from "./types.ts";

/**
 * Opens an image: an OCI layout (directory, or tar archive, which may be compressed) or a docker archive (`docker
 * save`, in the old form and in the one that is also an OCI layout). Its kind is recognised by its contents.
 *
 * Manifest and configuration are verified here, layers as they are read. To be closed.
 * @throws ERR_FILE_NOT_FOUND, ERR_OCI_IMAGE, ERR_OCI_REFERENCE, ERR_OCI_PLATFORM, ERR_OCI_AMBIGUOUS,
 * ERR_OCI_BLOB_MISSING, ERR_OCI_DIGEST, ERR_OCI_MEDIA_TYPE, ERR_OCI_LIMIT
 */
export async function openImage(path: string, options: OpenImageOptions = {}): Promise<OpenedImage> {
  const files = await openFiles(path, options);
  try {
    return await openFound(files, path, options);
  } catch (thrown) {
    await files.close();
    const { code, message, details } = toInclavareError(thrown);
    throw new InclavareError(code, `${path}: ${message}`, { cause: thrown, details });
  }
}

async function openFiles(path: string, options: OpenImageOptions): Promise<ImageFiles> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new InclavareError(missing ? "ERR_FILE_NOT_FOUND" : "ERR_FILE", `image ${path} could not be opened`, {
      cause,
    });
  }
  const stats = await file.stat();
  if (stats.isFile()) return openArchive(file, path, options);
  await file.close();
  if (stats.isDirectory()) return new DirectoryFiles(path);
  throw new InclavareError("ERR_OCI_IMAGE", `${path} is neither a file nor a directory`);
}

async function openArchive(file: FileHandle, path: string, options: OpenImageOptions): Promise<ImageFiles> {
  try {
    return await ArchiveFiles.create(file, path, options);
  } catch (thrown) {
    // A damaged archive of an image is not yet a damaged layer.
    if (!isInclavareError(thrown, "ERR_OCI_LAYER")) throw thrown;
    throw new InclavareError("ERR_OCI_IMAGE", `${path} is no archive of an image`, { cause: thrown });
  }
}

async function openFound(files: ImageFiles, path: string, options: OpenImageOptions): Promise<OpenedImage> {
  if ((await files.sizeOf("oci-layout")) !== undefined) {
    checkLayoutFile(await readSmall(files, "oci-layout", "oci-layout"), "oci-layout");
    return openLayout(files, options);
  }
  if (files instanceof ArchiveFiles && (await files.sizeOf("manifest.json")) !== undefined) {
    const { document, layers } = await openDockerArchive(files, options);
    return create(files, document, layers, options.platform, {});
  }
  throw new InclavareError(
    "ERR_OCI_IMAGE",
    `neither an OCI layout nor a docker archive: no oci-layout and no manifest.json`,
  );
}

async function openLayout(files: ImageFiles, options: OpenImageOptions): Promise<OpenedImage> {
  const { descriptor } = await selectCandidate(files, await findCandidates(files), options);
  const what = `manifest ${descriptor.digest}`;
  const manifest = parseManifest(await readDocument(files, descriptor, what), what);
  const configName = `image configuration ${manifest.config.digest}`;
  const bytes = await readDocument(files, manifest.config, configName);
  const document = parseImageDocument(bytes, configName, manifest.config.mediaType);
  const { diff_ids: diffIds } = document.rootfs;
  if (diffIds.length !== manifest.layers.length) {
    throw new InclavareError(
      "ERR_OCI_IMAGE",
      `${what} has ${manifest.layers.length} layers, its configuration ${diffIds.length} diff_ids`,
    );
  }
  const layers = manifest.layers.map((layer, index) => createLayer(files, layer, diffIds[index] ?? ""));
  return create(files, document, layers, options.platform, {
    manifestDigest: descriptor.digest,
    ...(manifest.annotations === undefined ? {} : { manifestAnnotations: manifest.annotations }),
  });
}

function createLayer(files: ImageFiles, { mediaType, digest, size }: Descriptor, diffId: string): ImageLayer {
  const open = (): ReturnType<ImageLayer["open"]> =>
    verifyStream(files.read(blobName(digest)), digest, `layer ${digest}`, size);
  return { mediaType, digest, diffId, sizeBytes: size, open };
}

function create(
  files: ImageFiles,
  document: ImageDocument,
  layers: readonly ImageLayer[],
  wanted: Platform | undefined,
  manifest: Partial<Pick<OpenedImage, "manifestDigest" | "manifestAnnotations">>,
): OpenedImage {
  const { os, architecture, variant } = document;
  const platform: Platform = { os, architecture, ...(variant === undefined ? {} : { variant }) };
  if (wanted !== undefined && !fitsPlatform(platform, wanted)) {
    throw new InclavareError(
      "ERR_OCI_PLATFORM",
      `the image is for ${formatPlatform(platform)}, asked for was ${formatPlatform(wanted)}`,
      { details: { platforms: [formatPlatform(platform)] } },
    );
  }
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= files.close());
  return {
    config: document.config ?? {},
    platform,
    document: document as unknown as OpenedImage["document"],
    manifestAnnotations: {},
    ...manifest,
    layers,
    close,
    [Symbol.asyncDispose]: close,
  };
}
