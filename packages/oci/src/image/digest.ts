import { InclavareError } from "@inclavare/errors";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";

const DIGEST = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/u;

/** True for a digest of a registered algorithm, written as the image specification (descriptor.md) demands. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/** `sha256:…` of some bytes. */
export function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Follows bytes as they pass and checks them at the end. */
export class DigestCheck {
  private readonly hash;
  private readonly digest: string;
  private readonly what: string;
  private readonly sizeBytes: number | undefined;
  private seenBytes = 0;

  /** @param sizeBytes left out: any. */
  constructor(digest: string, what: string, sizeBytes?: number) {
    if (!isDigest(digest)) throw new InclavareError("ERR_OCI_IMAGE", `${what}: ${JSON.stringify(digest)} is no digest`);
    this.hash = createHash(digest.slice(0, 6));
    this.digest = digest;
    this.what = what;
    this.sizeBytes = sizeBytes;
  }

  /** @throws ERR_OCI_DIGEST as soon as there are too many bytes. */
  update(chunk: Uint8Array): void {
    this.seenBytes += chunk.byteLength;
    if (this.sizeBytes !== undefined && this.seenBytes > this.sizeBytes) {
      throw new InclavareError(
        "ERR_OCI_DIGEST",
        `${this.what} has more than the ${this.sizeBytes} bytes it should have`,
      );
    }
    this.hash.update(chunk);
  }

  /** @throws ERR_OCI_DIGEST */
  finish(): void {
    if (this.sizeBytes !== undefined && this.seenBytes < this.sizeBytes) {
      throw new InclavareError(
        "ERR_OCI_DIGEST",
        `${this.what} has ${this.seenBytes} bytes, expected ${this.sizeBytes}`,
      );
    }
    const actual = `${this.digest.slice(0, 6)}:${this.hash.digest("hex")}`;
    if (actual === this.digest) return;
    throw new InclavareError("ERR_OCI_DIGEST", `${this.what} has digest ${actual}, expected ${this.digest}`, {
      details: { expected: this.digest, actual },
    });
  }
}

/** A stream that fails with ERR_OCI_DIGEST instead of ending when the bytes are not those that were promised. */
export function verifyStream(
  source: AsyncIterable<Uint8Array>,
  digest: string,
  what: string,
  sizeBytes?: number,
): Readable {
  const check = new DigestCheck(digest, what, sizeBytes);
  const verified = async function* (): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) {
      check.update(chunk);
      yield chunk;
    }
    check.finish();
  };
  return Readable.from(verified(), { objectMode: false });
}
