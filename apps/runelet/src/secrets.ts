import type { EnclaveManifest } from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";

/** The secrets that the manifest names: which have arrived, and where the application finds them. */
export class Secrets {
  readonly #paths: ReadonlyMap<string, string>;
  readonly #files = new Map<string, Uint8Array>();
  readonly #complete = Promise.withResolvers<void>();

  constructor(manifest: EnclaveManifest) {
    this.#paths = new Map(manifest.secrets.map(({ name, path }) => [name, path]));
    if (this.#paths.size === 0) this.#complete.resolve();
  }

  /** Files by absolute path, as the enclave's file system shows them. */
  get files(): ReadonlyMap<string, Uint8Array> {
    return this.#files;
  }

  /** Resolves when every named secret is here. */
  get complete(): Promise<void> {
    return this.#complete.promise;
  }

  missing(): string[] {
    return [...this.#paths].filter(([, path]) => !this.#files.has(path)).map(([name]) => name);
  }

  /** @throws ERR_SECRET_UNKNOWN, ERR_SECRET_DELIVERED: a secret is taken once, so that nobody replaces it later. */
  deliver(name: string, bytes: Uint8Array): void {
    const path = this.#paths.get(name);
    if (path === undefined)
      throw new InclavareError("ERR_SECRET_UNKNOWN", `the enclave manifest names no secret "${name}"`);
    if (this.#files.has(path))
      throw new InclavareError("ERR_SECRET_DELIVERED", `the secret "${name}" has been delivered already`);
    this.#files.set(path, Uint8Array.from(bytes));
    if (this.missing().length === 0) this.#complete.resolve();
  }
}
