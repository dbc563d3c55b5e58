import type { Readable } from "node:stream";

/** For which machine an image is. `variant` as in `v7` of arm; left out: any, or none. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** How to run an image: the member `config` of the image configuration (image-spec, config.md). */
export interface ImageConfig {
  readonly User?: string;
  readonly ExposedPorts?: Readonly<Record<string, unknown>>;
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, unknown>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  readonly StopSignal?: string;
}

/** A layer as it lies in the image, perhaps compressed. */
export interface ImageLayer {
  readonly mediaType: string;
  /** `sha256:…` of the blob's bytes as they are stored. */
  readonly digest: string;
  /** `sha256:…` of the tar archive inside. */
  readonly diffId: string;
  readonly sizeBytes: number;
  /**
   * The stored bytes. The stream fails with ERR_OCI_DIGEST, instead of ending, when digest or size do not hold: nothing
   * may be done with the bytes before it has ended.
   */
  open(): Readable;
}

/** An image that was found, with manifest and configuration verified; layers are verified as they are read. */
export interface OpenedImage extends AsyncDisposable {
  readonly config: ImageConfig;
  readonly platform: Platform;
  /** The whole image configuration, as it came. */
  readonly document: Readonly<Record<string, unknown>>;
  /** Left out for a legacy docker archive, which has no manifest of its own. */
  readonly manifestDigest?: string;
  readonly manifestAnnotations: Readonly<Record<string, string>>;
  readonly layers: readonly ImageLayer[];
  /** Idempotent. */
  close(): Promise<void>;
}

/** Bounds on what an image may cost. Each may be left out. */
export interface ImageLimits {
  /** Bytes of all layers together, decompressed; default 16 GiB. */
  readonly totalBytes?: number;
  /** Entries of all layers together; default 1,000,000. */
  readonly entries?: number;
  /** Bytes of names, link targets and extended attributes, which are held in memory; default 256 MiB. */
  readonly metadataBytes?: number;
}

export interface OpenImageOptions {
  /**
   * Which of several images: a name (`alpine:3.20`, normalised as docker does), the annotation
   * org.opencontainers.image.ref.name, or a manifest's digest. Left out: the only one there is.
   */
  readonly reference?: string;
  /** Left out: the only one there is. */
  readonly platform?: Platform;
  readonly limits?: ImageLimits;
  /** Where a compressed archive is unpacked to, in a file without a name; default: the system's directory. */
  readonly spoolDirectory?: string;
}
