import { closeSync } from "node:fs";
import type { Attester, EnclaveIdentity } from "@inclavare/attestation";
import type { EnclaveManifest } from "@inclavare/enclave-image";
import { watchReadable } from "@inclavare/linux";
import type { AttestedEnclave } from "./attest-server.ts";
import type { Secrets } from "./secrets.ts";

/** What has been loaded, with the enclave's key in it. */
interface Loaded {
  serve(descriptor: number): void;
  evidence(nonce: string): Promise<Uint8Array>;
}

/**
 * The enclave's side of attestation. Its key is made and its code (TLS, HTTP, certificates) is loaded when somebody asks for
 * the first time: most containers run and end before anybody does, and would start two times slower.
 */
export class Attestation {
  readonly #attester: Attester;
  readonly #measured: Omit<AttestedEnclave, "identity">;
  #loaded: Promise<Loaded> | undefined;

  constructor(
    attester: Attester,
    measured: { readonly enclave: EnclaveIdentity; readonly manifest: EnclaveManifest; readonly secrets: Secrets },
  ) {
    this.#attester = attester;
    this.#measured = measured;
  }

  /** Serves Enclave-TLS on a listening socket, from its first connection on. */
  listen(descriptor: number): void {
    const watch = watchReadable(descriptor, () => {
      watch.close();
      this.#load().then(
        (loaded) => loaded.serve(descriptor),
        () => {
          closeSync(descriptor); // who waits is told that nobody serves here
        },
      );
    });
  }

  /** An evidence message over a nonce (hexadecimal). @throws ERR_NONCE, the attester's reasons */
  async evidence(nonce: string): Promise<Uint8Array> {
    const loaded = await this.#load();
    return await loaded.evidence(nonce);
  }

  async #load(): Promise<Loaded> {
    this.#loaded ??= this.#makeReady();
    try {
      return await this.#loaded;
    } catch (error) {
      this.#loaded = undefined;
      throw error;
    }
  }

  async #makeReady(): Promise<Loaded> {
    const { createIdentity, makeEvidence, parseNonce, serveAttestation } = await import("./attest-server.ts");
    const { workload } = this.#measured.manifest;
    const identity = await createIdentity({ attester: this.#attester, workload, now: new Date() });
    const subject = { ...this.#measured, identity };
    return {
      serve: (descriptor) => void serveAttestation(descriptor, subject),
      evidence: async (nonce) => await makeEvidence(subject, { nonce: parseNonce(nonce) }),
    };
  }
}
