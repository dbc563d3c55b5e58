import { InclavareError } from "@inclavare/errors";
import type { ImageLimits } from "./types.ts";

const DEFAULT_TOTAL_BYTES = 16 * 1024 ** 3;
const DEFAULT_ENTRIES = 1_000_000;
const DEFAULT_METADATA_BYTES = 256 * 1024 * 1024;

/** What is left of an image's limits; one for the whole of an image. */
export class Budget {
  private readonly left: Record<keyof ImageLimits, number>;
  private readonly limits: Readonly<Record<keyof ImageLimits, number>>;

  constructor(limits: ImageLimits = {}) {
    this.limits = {
      totalBytes: limits.totalBytes ?? DEFAULT_TOTAL_BYTES,
      entries: limits.entries ?? DEFAULT_ENTRIES,
      metadataBytes: limits.metadataBytes ?? DEFAULT_METADATA_BYTES,
    };
    this.left = { ...this.limits };
  }

  /** @throws ERR_OCI_LIMIT when there is less left. */
  take(kind: keyof ImageLimits, amount: number, what: string): void {
    this.left[kind] -= amount;
    if (this.left[kind] >= 0) return;
    const limit = this.limits[kind];
    throw new InclavareError("ERR_OCI_LIMIT", `${what} exceeds the limit ${kind} of ${limit}`, {
      details: { kind, limit },
    });
  }
}
