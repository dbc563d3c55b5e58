import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { EnclaveIdentity } from "@inclavare/attestation";
import {
  APP_IMAGE_FILE,
  type AppImage,
  decodeAppImage,
  type EnclaveManifest,
  MANIFEST_FILE,
  parseManifest,
} from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";

/** What the enclave consists of, loaded and found to be what attesterd measured. */
export interface EnclaveFiles {
  readonly manifest: EnclaveManifest;
  readonly appImage: AppImage;
}

/**
 * Loads manifest and application pages and compares their hashes with what was measured at launch, so that nobody can
 * change the files between measuring and loading. The pages go to shared memory: every guest reads them in place.
 */
export function loadEnclaveFiles(directory: string, identity: EnclaveIdentity): EnclaveFiles {
  const manifest = readShared(join(directory, MANIFEST_FILE));
  assertMeasured("enclave manifest", manifest, identity.manifestSha256);
  const appImage = readShared(join(directory, APP_IMAGE_FILE));
  assertMeasured("application image", appImage, identity.appImageSha256);
  return { manifest: parseManifest(Uint8Array.from(manifest), "enclave manifest"), appImage: decodeAppImage(appImage) };
}

function assertMeasured(what: string, bytes: Uint8Array, expected: string): void {
  const actual = createHash("sha256").update(bytes).digest("hex");
  if (actual !== expected) {
    throw new InclavareError(
      "ERR_ENCLAVE_ALTERED",
      `the ${what} has SHA-256 ${actual}, measured at launch was ${expected}`,
    );
  }
}

function readShared(path: string): Uint8Array<SharedArrayBuffer> {
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(new SharedArrayBuffer(fstatSync(file).size));
    for (let at = 0; at < bytes.length;) {
      const count = readSync(file, bytes, at, bytes.length - at, at);
      if (count === 0) throw new InclavareError("ERR_ENCLAVE_ALTERED", `${path} became shorter while it was read`);
      at += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
