/** Images in every form that is read, built blob by blob. */
import { gzipSync } from "node:zlib";
import type { Platform } from "../src/index.ts";
import { sha256, tarOf } from "./samples.ts";

export type Files = Map<string, Uint8Array | string>;

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: Platform;
  artifactType?: string;
}

export const OCI = "application/vnd.oci.image";
export const AMD64: Platform = { os: "linux", architecture: "amd64" };
export const ARM64: Platform = { os: "linux", architecture: "arm64", variant: "v8" };

/** Collects the blobs of a layout. */
export class LayoutSample {
  readonly files: Files = new Map([["oci-layout", '{"imageLayoutVersion":"1.0.0"}']]);

  blob(mediaType: string, bytes: Uint8Array): Descriptor {
    const digest = sha256(bytes);
    this.files.set(`blobs/${digest.replace(":", "/")}`, bytes);
    return { mediaType, digest, size: bytes.byteLength };
  }

  json(mediaType: string, value: unknown): Descriptor {
    return this.blob(mediaType, Buffer.from(JSON.stringify(value)));
  }

  /** An image with one file, `/hello`, that holds `content`. */
  async image(content: string, platform: Platform = AMD64, changes: Record<string, unknown> = {}): Promise<Descriptor> {
    const archive = await tarOf([{ name: "hello", content }]);
    const layer = this.blob(`${OCI}.layer.v1.tar+gzip`, gzipSync(archive));
    const config = this.json(`${OCI}.config.v1+json`, {
      ...platform,
      config: { Cmd: ["/hello"], Env: null },
      rootfs: { type: "layers", diff_ids: [sha256(archive)] },
      history: [{ created_by: "test" }],
    });
    return this.json(`${OCI}.manifest.v1+json`, { schemaVersion: 2, config, layers: [layer], ...changes });
  }

  index(manifests: readonly Descriptor[]): this {
    this.files.set("index.json", JSON.stringify({ schemaVersion: 2, manifests }));
    return this;
  }

  nested(manifests: readonly Descriptor[]): Descriptor {
    return this.json(`${OCI}.index.v1+json`, { schemaVersion: 2, mediaType: `${OCI}.index.v1+json`, manifests });
  }
}

/** What `docker save` wrote before version 25: a directory for each layer, a repeated layer as a link. */
export async function dockerSave(tags: readonly string[] | null, layers: readonly Uint8Array[]): Promise<Files> {
  const config = JSON.stringify({
    ...AMD64,
    config: { Entrypoint: ["/hello"], Cmd: null },
    rootfs: { type: "layers", diff_ids: layers.map((layer) => sha256(layer)) },
  });
  const configName = `${sha256(Buffer.from(config)).slice(7)}.json`;
  const names = layers.map((_layer, index) => `${index}/layer.tar`);
  return new Map<string, Uint8Array | string>([
    [configName, config],
    ...layers.map((layer, index): [string, Uint8Array] => [names[index] ?? "", layer]),
    ["manifest.json", JSON.stringify([{ Config: configName, RepoTags: tags, Layers: names }])],
  ]);
}
