import { InclavareError } from "@inclavare/errors";
import { type Annotations, blobName, type Descriptor, parseIndex, readDocument, readSmall } from "./documents.ts";
import type { ImageFiles } from "./files.ts";
import { isIndexType, isManifestType } from "./media-types.ts";
import { fitsPlatform, formatPlatform } from "./platform.ts";
import { matchesReference } from "./reference.ts";
import type { OpenImageOptions, Platform } from "./types.ts";

const MAX_DEPTH = 8;
const MAX_DESCRIPTORS = 10_000;

/** An image that a layout holds. */
export interface Candidate {
  readonly descriptor: Descriptor;
  /** What it is called, from its own annotations and those of the indexes that lead to it. */
  readonly names: Set<string>;
  /** Digests under which it can be asked for: its own and those of the indexes. */
  readonly digests: Set<string>;
}

/** Follows index.json and all indexes in it. Attestations and artifacts that are no images are left out. */
export async function findCandidates(files: ImageFiles): Promise<Candidate[]> {
  const found = new Map<string, Candidate>();
  let seen = 0;
  const visit = async (
    manifests: readonly Descriptor[],
    names: ReadonlySet<string>,
    path: readonly string[],
  ): Promise<void> => {
    for (const descriptor of manifests) {
      seen += 1;
      if (seen > MAX_DESCRIPTORS || path.length > MAX_DEPTH) {
        throw new InclavareError(
          "ERR_OCI_LIMIT",
          `the image's indexes have more than ${MAX_DESCRIPTORS} entries or ${MAX_DEPTH} levels`,
        );
      }
      const own = new Set([...names, ...namesIn(descriptor.annotations)]);
      const digests = [...path, descriptor.digest];
      if (isIndexType(descriptor.mediaType)) {
        // An archive of one platform may still name the others' indexes.
        if ((await files.sizeOf(blobName(descriptor.digest))) === undefined && manifests.length > 1) continue;
        const what = `index ${descriptor.digest}`;
        const nested = parseIndex(await readDocument(files, descriptor, what), what);
        await visit(nested.manifests, own, digests);
      } else if (isImage(descriptor)) {
        const before = found.get(descriptor.digest);
        found.set(descriptor.digest, {
          descriptor,
          names: new Set([...(before?.names ?? []), ...own]),
          digests: new Set([...(before?.digests ?? []), ...digests]),
        });
      }
    }
  };
  const { manifests } = parseIndex(await readSmall(files, "index.json", "index.json"), "index.json");
  await visit(manifests, new Set(), []);
  return [...found.values()];
}

function isImage({ mediaType, annotations, platform, artifactType }: Descriptor): boolean {
  const attestation = annotations?.["vnd.docker.reference.type"] !== undefined || platform?.os === "unknown";
  return isManifestType(mediaType) && !attestation && artifactType === undefined;
}

function namesIn(annotations: Annotations = {}): string[] {
  const keys = ["org.opencontainers.image.ref.name", "io.containerd.image.name"];
  return keys.map((key) => annotations[key]).filter((name) => name !== undefined);
}

/**
 * The one candidate that was asked for.
 * @throws ERR_OCI_REFERENCE, ERR_OCI_PLATFORM, ERR_OCI_BLOB_MISSING, ERR_OCI_AMBIGUOUS (details: references, platforms)
 */
export async function selectCandidate(
  files: ImageFiles,
  candidates: readonly Candidate[],
  { reference, platform }: OpenImageOptions,
): Promise<Candidate> {
  const named =
    reference === undefined
      ? candidates
      : candidates.filter(({ names, digests }) => digests.has(reference) || matchesReference(names, reference));
  if (named.length === 0) throw nothingNamed(candidates, reference);
  const fitting = named.filter(({ descriptor }) => mayFit(descriptor, platform));
  if (fitting.length === 0 && platform !== undefined) {
    throw new InclavareError(
      "ERR_OCI_PLATFORM",
      `the image is not there for ${formatPlatform(platform)}, only for ${platformsOf(named).join(", ")}`,
      { details: { platforms: platformsOf(named) } },
    );
  }
  const present: Candidate[] = [];
  for (const candidate of fitting) {
    if ((await files.sizeOf(blobName(candidate.descriptor.digest))) !== undefined) present.push(candidate);
  }
  const [first, ...others] = present;
  if (first === undefined) {
    throw new InclavareError("ERR_OCI_BLOB_MISSING", `manifest ${fitting[0]?.descriptor.digest} is not in the image`);
  }
  if (others.length > 0) throw ambiguous(present);
  return first;
}

/** A descriptor without a platform may be for any; the image configuration tells later. */
function mayFit({ platform: offered }: Descriptor, wanted: Platform | undefined): boolean {
  return wanted === undefined || offered === undefined || fitsPlatform(offered, wanted);
}

function nothingNamed(candidates: readonly Candidate[], reference: string | undefined): InclavareError {
  const references = candidates.flatMap(({ names }) => [...names]);
  const message =
    reference === undefined
      ? "there is no container image in it"
      : `there is no image ${reference} in it, only ${references.join(", ") || "images without names"}`;
  return new InclavareError("ERR_OCI_REFERENCE", message, { details: { references } });
}

/** @param candidates more than one. */
export function ambiguous(candidates: readonly Pick<Candidate, "names" | "descriptor">[]): InclavareError {
  const references = [
    ...new Set(candidates.flatMap(({ names, descriptor }) => (names.size > 0 ? [...names] : [descriptor.digest]))),
  ];
  const platforms = platformsOf(candidates);
  const message = `${candidates.length} images fit; say which: ${references.join(", ")}; platforms: ${platforms.join(", ")}`;
  return new InclavareError("ERR_OCI_AMBIGUOUS", message, { details: { references, platforms } });
}

function platformsOf(candidates: readonly Pick<Candidate, "descriptor">[]): string[] {
  const platforms = candidates.map(({ descriptor }) => descriptor.platform);
  return [...new Set(platforms.map((platform) => (platform === undefined ? "unknown" : formatPlatform(platform))))];
}
