/** Archives and images that tests make, with tar-stream as a writer that is not ours. */
import { createHash } from "node:crypto";
import { type Header, pack } from "tar-stream";
import { verifyStream } from "../src/image/digest.ts";
import { type Compression, layerMediaType } from "../src/image/media-types.ts";
import type { ImageLayer } from "../src/index.ts";

export type Sample = Partial<Header> & {
  readonly name: string;
  readonly content?: string | Uint8Array;
  readonly pax?: Readonly<Record<string, string>>;
};

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** A tar archive of these entries in this order. */
export async function tarOf(samples: readonly Sample[]): Promise<Buffer> {
  const archive = pack();
  for (const { content, ...header } of samples) {
    const times = { mtime: new Date(0), ...header };
    const bytes = Buffer.from(content ?? "");
    if (content === undefined || (header.type ?? "file") !== "file") archive.entry(times).end(new Uint8Array(0));
    else archive.entry({ ...times, size: bytes.byteLength }, bytes);
  }
  archive.finalize();
  return collect(archive);
}

export async function collect(stream: AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks);
}

/** A stream that gives bytes in pieces of one size. */
export async function* pieces(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.byteLength; offset += sizeBytes) {
    yield await Promise.resolve(bytes.subarray(offset, offset + sizeBytes));
  }
}

/** A layer in memory; `changes` make it lie. */
export function layerOf(
  stored: Uint8Array,
  {
    archive = stored,
    compression = "none",
    ...changes
  }: Partial<ImageLayer> & {
    readonly archive?: Uint8Array;
    readonly compression?: Compression;
  } = {},
): ImageLayer {
  const described = {
    mediaType: layerMediaType(compression),
    digest: sha256(stored),
    diffId: sha256(archive),
    sizeBytes: stored.byteLength,
    ...changes,
  };
  const { digest, sizeBytes } = described;
  return { open: () => verifyStream(pieces(stored, 4093), digest, "layer", sizeBytes), ...described };
}
