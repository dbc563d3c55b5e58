import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import type { EnclaveIdentity } from "@inclavare/attestation";
import {
  APP_IMAGE_FILE,
  createMeasurer,
  MANIFEST_FILE,
  type Measurer,
  parseManifest,
  SIGSTRUCT_FILE,
} from "@inclavare/enclave-image";
import { InclavareError } from "@inclavare/errors";
import type { EvidenceProvider, LaunchedContainer } from "./provider.ts";

/** The largest of each file that is read; what is larger is no TEE image of ours. */
const LIMIT_BYTES = { manifest: 1 << 20, sigstruct: 1 << 16, appImage: 2 ** 31 - 1 } as const;

/** A container that was measured and let in: its identity, and what makes its evidence. */
export interface Launch {
  readonly container: string;
  readonly identity: EnclaveIdentity;
  readonly evidence: LaunchedContainer["evidence"];
}

/** Measures containers and lets them in by the rules of EINIT. The payload's part of the hash is kept. */
export class Launcher {
  readonly #provider: EvidenceProvider;
  readonly #measurer: Measurer;

  constructor(provider: EvidenceProvider, payloadDirectory: string) {
    this.#provider = provider;
    this.#measurer = createMeasurer(payloadDirectory);
  }

  /**
   * Reads the enclave's files itself, measures them with the payload, and checks the SIGSTRUCT as EINIT does. Nothing that
   * the caller says enters the measurement.
   */
  launch(container: string, enclaveDirectory: string): Launch {
    const { manifest, appImage, measurement } = this.#measure(enclaveDirectory);
    const sigstruct = readBounded(join(enclaveDirectory, SIGSTRUCT_FILE), LIMIT_BYTES.sigstruct);
    const { debug } = parseManifest(manifest, "enclave manifest");
    const launched = this.#provider.launch({ measurement, debug, sigstruct });
    const identity: EnclaveIdentity = {
      ...launched.identity,
      manifestSha256: sha256(manifest),
      appImageSha256: sha256(appImage),
    };
    return { container, identity, evidence: async (request) => await launched.evidence(request) };
  }

  /** MRENCLAVE of an enclave that may not be signed yet. */
  measure(enclaveDirectory: string): Uint8Array {
    return this.#measure(enclaveDirectory).measurement.digest();
  }

  #measure(enclaveDirectory: string) {
    if (!isAbsolute(enclaveDirectory)) {
      throw new InclavareError("ERR_LAUNCH", `enclaveDirectory is "${enclaveDirectory}", expected an absolute path`);
    }
    const manifest = readBounded(join(enclaveDirectory, MANIFEST_FILE), LIMIT_BYTES.manifest);
    const appImage = readBounded(join(enclaveDirectory, APP_IMAGE_FILE), LIMIT_BYTES.appImage);
    return { manifest, appImage, ...this.#measurer.measure({ manifest, appImage }) };
  }
}

/** A regular file, never through a link at its name, never more than the limit. */
function readBounded(path: string, limitBytes: number): Uint8Array {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    throw new InclavareError("ERR_LAUNCH", `cannot open ${path}: there is no TEE image, or it is not signed`, {
      cause,
    });
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) throw new InclavareError("ERR_LAUNCH", `${path} is not a regular file`);
    if (stat.size > limitBytes)
      throw new InclavareError("ERR_LAUNCH", `${path} has ${stat.size} bytes, at most ${limitBytes} are read`);
    const bytes = Buffer.alloc(stat.size);
    for (let at = 0; at < bytes.length;) {
      const count = readSync(file, bytes, at, bytes.length - at, at);
      if (count === 0) throw new InclavareError("ERR_LAUNCH", `${path} became shorter while it was read`);
      at += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
