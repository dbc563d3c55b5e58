import { InclavareError } from "@inclavare/errors";

export const MEDIA_TYPE_INDEX = "application/vnd.oci.image.index.v1+json";
export const MEDIA_TYPE_MANIFEST = "application/vnd.oci.image.manifest.v1+json";
export const MEDIA_TYPE_CONFIG = "application/vnd.oci.image.config.v1+json";
export const MEDIA_TYPE_LAYER = "application/vnd.oci.image.layer.v1.tar";

const INDEXES = new Set([MEDIA_TYPE_INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"]);
const MANIFESTS = new Set([MEDIA_TYPE_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"]);
const CONFIGS = new Set([MEDIA_TYPE_CONFIG, "application/vnd.docker.container.image.v1+json"]);
const LAYER =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+(gzip|zstd))?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.(gzip|zstd))?)$/u;

export type Compression = "none" | "gzip" | "zstd";

export const isIndexType = (mediaType: string): boolean => INDEXES.has(mediaType);
export const isManifestType = (mediaType: string): boolean => MANIFESTS.has(mediaType);
export const isConfigType = (mediaType: string): boolean => CONFIGS.has(mediaType);

/**
 * How a layer of this media type is compressed.
 * @throws ERR_OCI_ENCRYPTED for `…+encrypted`; ERR_OCI_MEDIA_TYPE for what is no layer of a container image.
 */
export function compressionOf(mediaType: string, what: string): Compression {
  if (/\+encrypted\b/u.test(mediaType)) {
    throw new InclavareError("ERR_OCI_ENCRYPTED", `${what} is encrypted (${mediaType})`, { details: { mediaType } });
  }
  const found = LAYER.exec(mediaType);
  if (found === null) {
    throw new InclavareError(
      "ERR_OCI_MEDIA_TYPE",
      `${what} has media type ${JSON.stringify(mediaType)}, expected a tar layer`,
      {
        details: { mediaType },
      },
    );
  }
  return (found[1] ?? found[2] ?? "none") as Compression;
}

/** Recognises compression by the first bytes. */
export function sniffCompression(start: Uint8Array): Compression {
  const magic = Buffer.from(start.subarray(0, 4)).toString("hex");
  if (magic.startsWith("1f8b")) return "gzip";
  return magic === "28b52ffd" ? "zstd" : "none";
}

export function layerMediaType(compression: Compression): string {
  return compression === "none" ? MEDIA_TYPE_LAYER : `${MEDIA_TYPE_LAYER}+${compression}`;
}
