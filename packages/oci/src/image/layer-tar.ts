import { isInclavareError } from "@inclavare/errors";
import { drain } from "../tar/source.ts";
import { decompress } from "./decompress.ts";
import { DigestCheck } from "./digest.ts";
import type { Budget } from "./limits.ts";
import { compressionOf } from "./media-types.ts";
import type { ImageLayer } from "./types.ts";

/** A layer's tar archive. Only when it has been read to its end are the blob's digest and the diff_id established. */
export async function* openLayerTar(
  layer: ImageLayer,
  what: string,
  budget: Budget,
): AsyncGenerator<Uint8Array, void, undefined> {
  const compression = compressionOf(layer.mediaType, what);
  const chunks = decompress(layer.open(), budget, what, compression);
  if (compression === "none" && layer.diffId === layer.digest) {
    // The blob is the archive, and `open` checks it already.
    yield* chunks;
    return;
  }
  const check = new DigestCheck(layer.diffId, `${what}, decompressed,`);
  for await (const chunk of chunks) {
    check.update(chunk);
    yield chunk;
  }
  check.finish();
}

/**
 * After a layer's contents made no sense: were they the right bytes at all?
 * @throws ERR_OCI_DIGEST if not, which then is the real reason.
 */
export async function assertIntact(layer: ImageLayer): Promise<void> {
  try {
    await drain(layer.open());
  } catch (thrown) {
    if (isInclavareError(thrown, "ERR_OCI_DIGEST")) throw thrown;
  }
}
