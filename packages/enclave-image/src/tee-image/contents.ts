import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import {
  type FileTree,
  flattenLayers,
  type ImageConfig,
  openImage,
  type OpenedImage,
  type Platform,
} from "@inclavare/oci";
import {
  APP_IMAGE_FILE,
  APP_IMAGE_LIMIT_BYTES,
  ENCLAVE_DIRECTORY,
  MANIFEST_FILE,
  MANIFEST_LIMIT_BYTES,
  SIGSTRUCT_FILE,
} from "../constants.ts";
import { createdOf } from "../convert/convert.ts";
import { parseManifest } from "../manifest/parse.ts";
import type { EnclaveManifest } from "../manifest/types.ts";

const SIGSTRUCT_LIMIT_BYTES = 4096;

/** A TEE image, read; nothing of it is verified but its digests and the manifest's form. */
export interface TeeContents {
  readonly manifest: EnclaveManifest;
  readonly manifestBytes: Uint8Array;
  readonly appImage: Uint8Array;
  /** 1808 bytes; left out while the image is not signed. */
  readonly sigstruct?: Uint8Array;
  readonly config: ImageConfig;
  readonly platform: Platform;
  readonly created?: Date;
  readonly manifestDigest?: string;
}

export interface ReadOptions {
  /** Which of several images; default: the only one. */
  readonly reference?: string;
}

/**
 * Reads a TEE image: an OCI layout or an archive of one.
 * @throws ERR_IMAGE_NOT_TEE for an ordinary image and for a damaged one; ERR_MANIFEST; ERR_OCI_*
 */
export async function readTeeImage(path: string, options: ReadOptions = {}): Promise<TeeContents> {
  const contents = await tryReadTeeImage(path, options);
  if (contents !== undefined) return contents;
  throw new InclavareError("ERR_IMAGE_NOT_TEE", `${path} is an ordinary image: it has no /${ENCLAVE_DIRECTORY}`);
}

/** As {@link readTeeImage}, but undefined for an ordinary image. */
export async function tryReadTeeImage(path: string, options: ReadOptions = {}): Promise<TeeContents | undefined> {
  await using image = await openImage(path, options);
  await using tree = await flattenLayers(image);
  if (!tree.entries.has(`/${ENCLAVE_DIRECTORY}`)) return undefined;
  const manifestBytes = await readFile(tree, path, MANIFEST_FILE, MANIFEST_LIMIT_BYTES);
  const appImage = await readFile(tree, path, APP_IMAGE_FILE, APP_IMAGE_LIMIT_BYTES);
  const signed = tree.entries.has(pathOf(SIGSTRUCT_FILE));
  return {
    manifest: parseManifest(manifestBytes, `enclave manifest of ${path}`),
    manifestBytes,
    appImage,
    ...(signed ? { sigstruct: await readFile(tree, path, SIGSTRUCT_FILE, SIGSTRUCT_LIMIT_BYTES) } : {}),
    ...factsOf(image),
  };
}

function factsOf(image: OpenedImage): Pick<TeeContents, "config" | "platform" | "created" | "manifestDigest"> {
  const { config, platform, manifestDigest } = image;
  const created = createdOf(image);
  return {
    config,
    platform,
    ...(created === undefined ? {} : { created }),
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
  };
}

async function readFile(tree: FileTree, image: string, name: string, limitBytes: number): Promise<Uint8Array> {
  const entry = tree.entries.get(pathOf(name));
  if (entry?.type !== "file") {
    const found = entry === undefined ? "is missing" : `is a ${entry.type}`;
    throw new InclavareError("ERR_IMAGE_NOT_TEE", `${image}: ${pathOf(name)} ${found}`);
  }
  if (entry.sizeBytes > limitBytes) {
    throw new InclavareError(
      "ERR_IMAGE_NOT_TEE",
      `${image}: ${pathOf(name)} has ${entry.sizeBytes} bytes, at most ${limitBytes} are read`,
    );
  }
  return await entry.read();
}

/** Where a file of the enclave lies in the image's root file system. */
export function pathOf(name: string): string {
  return join("/", ENCLAVE_DIRECTORY, name);
}
