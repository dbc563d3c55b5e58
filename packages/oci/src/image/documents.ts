import { InclavareError } from "@inclavare/errors";
import { parseJson } from "../json/parse.ts";
import {
  all,
  checkShape,
  integer,
  listOf,
  mapOf,
  optional,
  record,
  required,
  text,
  type Shape,
} from "../json/shape.ts";
import { DigestCheck, isDigest } from "./digest.ts";
import type { ImageFiles } from "./files.ts";
import { isConfigType, isIndexType, isManifestType } from "./media-types.ts";
import type { ImageConfig, Platform } from "./types.ts";

/** What containerd takes for a manifest at most is 8 MiB; configurations stay far below as well. */
const DOCUMENT_LIMIT_BYTES = 8 * 1024 * 1024;

export type Annotations = Readonly<Record<string, string>>;

/** A pointer to a blob (image-spec, descriptor.md). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: Annotations;
  readonly artifactType?: string;
  readonly platform?: Platform;
}

export interface Index {
  readonly manifests: readonly Descriptor[];
  readonly annotations?: Annotations;
}

export interface Manifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Annotations;
}

/** The image configuration; what is not listed stays as it is. */
export interface ImageDocument {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly config?: ImageConfig;
  readonly rootfs: { readonly type: string; readonly diff_ids: readonly string[] };
}

/** manifest.json of a docker archive. */
export type DockerManifest = readonly {
  readonly Config: string;
  readonly RepoTags?: readonly string[];
  readonly Layers?: readonly string[];
}[];

/** Which version of its kind a document is. */
interface Versioned {
  readonly schemaVersion: number;
  readonly mediaType?: string;
}

const digest: Shape<string> = all(text, (value, path, faults) => {
  if (!isDigest(value)) faults.add(path, "expected a sha256 or sha512 digest");
});

const platform: Shape<Platform> = record<Platform>({
  os: required(text),
  architecture: required(text),
  variant: optional(text),
});

const descriptor: Shape<Descriptor> = record<Descriptor>({
  mediaType: required(text),
  digest: required(digest),
  size: required(integer(0, Number.MAX_SAFE_INTEGER)),
  annotations: optional(mapOf(text)),
  artifactType: optional(text),
  platform: optional(platform),
});

const indexShape: Shape<Index> = record<Index & Versioned>({
  schemaVersion: required(integer(2, 2)),
  mediaType: optional(text),
  manifests: required(listOf(descriptor)),
  annotations: optional(mapOf(text)),
});

const manifestShape: Shape<Manifest> = record<Manifest & Versioned>({
  schemaVersion: required(integer(2, 2)),
  mediaType: optional(text),
  config: required(descriptor),
  layers: required(listOf(descriptor)),
  annotations: optional(mapOf(text)),
});

const anything: Shape = () => undefined;
const strings = listOf(text);

const imageShape: Shape<ImageDocument> = record<ImageDocument>({
  os: required(text),
  architecture: required(text),
  variant: optional(text),
  config: optional(
    record<ImageConfig>({
      User: optional(text),
      ExposedPorts: optional(mapOf(anything)),
      Env: optional(strings),
      Entrypoint: optional(strings),
      Cmd: optional(strings),
      Volumes: optional(mapOf(anything)),
      WorkingDir: optional(text),
      Labels: optional(mapOf(text)),
      StopSignal: optional(text),
    }),
  ),
  rootfs: required(record({ type: required(text), diff_ids: required(listOf(digest)) })),
});

const dockerShape: Shape<DockerManifest> = listOf(
  record<DockerManifest[number]>({ Config: required(text), RepoTags: optional(strings), Layers: optional(strings) }),
);

const layoutShape: Shape<{ readonly imageLayoutVersion: string }> = record({ imageLayoutVersion: required(text) });

/** @throws ERR_OCI_IMAGE for another version than 1.0.0 */
export function checkLayoutFile(bytes: Uint8Array, what: string): void {
  const { imageLayoutVersion } = parse(bytes, what, layoutShape);
  if (imageLayoutVersion === "1.0.0") return;
  throw new InclavareError(
    "ERR_OCI_IMAGE",
    `${what} is of version ${JSON.stringify(imageLayoutVersion)}, expected 1.0.0`,
  );
}

export function parseIndex(bytes: Uint8Array, what: string): Index {
  return checkKind(parse(bytes, what, indexShape), what, "manifests", isIndexType);
}

export function parseManifest(bytes: Uint8Array, what: string): Manifest {
  return checkKind(parse(bytes, what, manifestShape), what, "layers", isManifestType);
}

/** @throws ERR_OCI_MEDIA_TYPE when a manifest's configuration is not a container image's. */
export function parseImageDocument(bytes: Uint8Array, what: string, mediaType?: string): ImageDocument {
  if (mediaType !== undefined && !isConfigType(mediaType)) {
    throw new InclavareError(
      "ERR_OCI_MEDIA_TYPE",
      `${what} has media type ${JSON.stringify(mediaType)}, expected an image's`,
      {
        details: { mediaType },
      },
    );
  }
  return parse(bytes, what, imageShape);
}

export function parseDockerManifest(bytes: Uint8Array, what: string): DockerManifest {
  return parse(bytes, what, dockerShape);
}

/** Reads the blob of a descriptor, verified before anything looks at it. @throws ERR_OCI_DIGEST, ERR_OCI_BLOB_MISSING */
export async function readDocument(files: ImageFiles, { digest, size }: Descriptor, what: string): Promise<Uint8Array> {
  const check = new DigestCheck(digest, what, size);
  const bytes = await readSmall(files, blobName(digest), what);
  check.update(bytes);
  check.finish();
  return bytes;
}

/** Reads a small file whole. @throws ERR_OCI_LIMIT, ERR_OCI_BLOB_MISSING */
export async function readSmall(files: ImageFiles, name: string, what: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of files.read(name)) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > DOCUMENT_LIMIT_BYTES) {
      throw new InclavareError("ERR_OCI_LIMIT", `${what} is larger than ${DOCUMENT_LIMIT_BYTES} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

export function blobName(digest: string): string {
  return `blobs/${digest.replace(":", "/")}`;
}

function parse<T>(bytes: Uint8Array, what: string, shape: Shape<T>): T {
  const value: unknown = parseJson(bytes, { what, code: "ERR_OCI_IMAGE", limitBytes: DOCUMENT_LIMIT_BYTES });
  checkShape(value, shape, what, "ERR_OCI_IMAGE");
  return value;
}

/** One document must not pass for a manifest here and for an index there (CVE-2021-41190). */
function checkKind<T extends object>(
  document: T,
  what: string,
  own: "manifests" | "layers",
  isType: (mediaType: string) => boolean,
): T {
  const foreign = (own === "manifests" ? ["layers", "config", "fsLayers"] : ["manifests", "fsLayers"]).find(
    (name) => name in document,
  );
  if (foreign !== undefined) throw new InclavareError("ERR_OCI_IMAGE", `${what} has both ${own} and ${foreign}`);
  const { mediaType } = document as Partial<Versioned>;
  if (mediaType !== undefined && !isType(mediaType)) {
    throw new InclavareError("ERR_OCI_MEDIA_TYPE", `${what} calls itself ${JSON.stringify(mediaType)}`);
  }
  return document;
}
