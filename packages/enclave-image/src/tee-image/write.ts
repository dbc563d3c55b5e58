import { type TarInput, writeLayout, type WrittenLayout } from "@inclavare/oci";
import { APP_IMAGE_FILE, ENCLAVE_DIRECTORY, MANIFEST_FILE, SIGSTRUCT_FILE } from "../constants.ts";
import { pathOf, type TeeContents } from "./contents.ts";

export interface WriteOptions {
  /** The image's name in the layout; default: none. */
  readonly reference?: string;
}

const OWNER = { uid: 0, gid: 0, mtimeSeconds: 0 };

/**
 * Writes a TEE image as an OCI layout: one layer with manifest and application image, and, once it is signed, a second
 * one with the SIGSTRUCT, so that signing leaves the first as it is. The same contents give the same bytes.
 * @throws ERR_OCI_TARGET_EXISTS unless the directory is missing or empty; ERR_FILE
 */
export async function writeTeeImage(
  directory: string,
  { manifestBytes, appImage, sigstruct, config, platform, created }: Omit<TeeContents, "manifest" | "manifestDigest">,
  { reference }: WriteOptions = {},
): Promise<WrittenLayout> {
  const folder: TarInput = { path: `/${ENCLAVE_DIRECTORY}`, type: "directory", mode: 0o755, ...OWNER };
  const enclave = [folder, file(MANIFEST_FILE, manifestBytes), file(APP_IMAGE_FILE, appImage)];
  return await writeLayout(directory, {
    config,
    platform,
    layers: [
      { entries: enclave },
      ...(sigstruct === undefined ? [] : [{ entries: [file(SIGSTRUCT_FILE, sigstruct)] }]),
    ],
    ...(reference === undefined ? {} : { reference }),
    ...(created === undefined ? {} : { created }),
  });
}

function file(name: string, content: Uint8Array): TarInput {
  return { path: pathOf(name), type: "file", mode: 0o644, ...OWNER, content };
}
