import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { Measurement, PAGE_FLAGS, PAGE_SIZE } from "@inclavare/sgx";
import { parseManifest } from "../manifest/parse.ts";
import { encodeTcs, entryOffsetOf, type Layout, layoutOf, sortedFiles, SSA_FRAME_PAGES, wholePages } from "./layout.ts";
import {
  altered,
  assertListed,
  fingerprintPayload,
  type LoadedIndex,
  loadPayloadIndex,
  type PayloadFile,
} from "./payload.ts";

/** How many sizes of enclaves the state of the hash is kept for. */
const KEPT_STATES = 8;
/** Whole pages, read at a time. */
const PIECE_BYTES = 256 * PAGE_SIZE;

export interface EnclaveFilesBytes {
  /** The manifest as it lies in the image: these bytes are measured. */
  readonly manifest: Uint8Array;
  readonly appImage: Uint8Array;
}

export interface EnclaveMeasurement {
  /** Before EINIT. */
  readonly measurement: Measurement;
  readonly mrEnclave: Uint8Array<ArrayBuffer>;
  /** SIZE of the enclave: a power of two. */
  readonly sizeBytes: number;
}

/** Measures enclaves of one payload. */
export interface Measurer {
  /**
   * The SGX measurement over, in this order: payload.json (r), the payload's files by path (rx), the manifest (r), a TCS
   * for each thread, the application image (r); each from a new page on, all contents extended.
   * @throws ERR_MANIFEST, ERR_IMAGE_LIMIT, ERR_PAYLOAD_MISSING, ERR_PAYLOAD_ALTERED
   * @see docs/enclave-manifest.md, "What is measured"
   */
  measure(enclave: EnclaveFilesBytes): EnclaveMeasurement;
}

/** Nothing is read before the first measurement. The payload's part of the hash is kept for each size of enclave. */
export function createMeasurer(payloadDirectory: string): Measurer {
  return new PayloadMeasurer(payloadDirectory);
}

class PayloadMeasurer implements Measurer {
  readonly #directory: string;
  /** By size of the enclave, the least recently used first. */
  readonly #states = new Map<number, Measurement>();
  #fingerprint: string | undefined;
  #payload: LoadedIndex | undefined;
  #verified = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  measure({ manifest: manifestBytes, appImage }: EnclaveFilesBytes): EnclaveMeasurement {
    const manifest = parseManifest(manifestBytes, "enclave manifest");
    const payload = this.#current();
    const sizes = { manifestBytes: manifestBytes.byteLength, appImageBytes: appImage.byteLength };
    const layout = layoutOf(payload, manifest, sizes);
    const measurement = this.#afterPayload(payload, layout);
    measurement.addRegion(layout.manifestOffset, PAGE_FLAGS.r, manifestBytes);
    const entry = entryOffsetOf(payload);
    for (let thread = 0; thread < manifest.threads; thread++) {
      measurement.addPage(layout.threadsOffset + thread * PAGE_SIZE, PAGE_FLAGS.tcs, encodeTcs(thread, entry, layout));
    }
    measurement.addRegion(layout.appImageOffset, PAGE_FLAGS.r, appImage);
    return { measurement, mrEnclave: measurement.digest(), sizeBytes: layout.sizeBytes };
  }

  /** The payload may have been replaced by a newer release while this process runs; then everything starts anew. */
  #current(): LoadedIndex {
    const { text, files } = fingerprintPayload(this.#directory);
    if (this.#payload !== undefined && text === this.#fingerprint) return this.#payload;
    this.#states.clear();
    this.#verified = false;
    const payload = loadPayloadIndex(this.#directory);
    assertListed(this.#directory, payload, files);
    this.#fingerprint = text;
    this.#payload = payload;
    return payload;
  }

  #afterPayload(payload: LoadedIndex, { sizeBytes }: Layout): Measurement {
    const state = this.#states.get(sizeBytes) ?? this.#measurePayload(payload, sizeBytes);
    this.#states.delete(sizeBytes);
    this.#states.set(sizeBytes, state);
    const [oldest] = this.#states.keys();
    if (this.#states.size > KEPT_STATES && oldest !== undefined) this.#states.delete(oldest);
    return state.copy();
  }

  #measurePayload(payload: LoadedIndex, sizeBytes: number): Measurement {
    const measurement = Measurement.create({ sizeBytes, ssaFrameSize: SSA_FRAME_PAGES });
    let offset = measurement.addRegion(0, PAGE_FLAGS.r, payload.bytes);
    for (const file of sortedFiles(payload)) {
      this.#measureFile(measurement, file, offset);
      offset += wholePages(file.sizeBytes);
    }
    this.#verified = true;
    return measurement;
  }

  /** What is measured is what was read; the first time, that is compared with the index as well. */
  #measureFile(measurement: Measurement, { path, sizeBytes, sha256 }: PayloadFile, offset: number): void {
    const hash = this.#verified ? undefined : createHash("sha256");
    const file = this.#open(path);
    try {
      const { size } = fstatSync(file);
      if (size !== sizeBytes) throw altered(this.#directory, `${path} has ${size} bytes, its index says ${sizeBytes}`);
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes));
      for (let at = 0; at < sizeBytes;) {
        const part = piece.subarray(0, Math.min(PIECE_BYTES, sizeBytes - at));
        if (!fill(file, part, at)) throw altered(this.#directory, `${path} became shorter while it was read`);
        hash?.update(part);
        measurement.addRegion(offset + at, PAGE_FLAGS.rx, part);
        at += part.byteLength;
      }
    } finally {
      closeSync(file);
    }
    if (hash !== undefined && hash.digest("hex") !== sha256) {
      throw altered(this.#directory, `${path} has another SHA-256 than its index says`);
    }
  }

  #open(path: string): number {
    try {
      return openSync(join(this.#directory, path), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (cause) {
      throw new InclavareError("ERR_FILE", `cannot open ${join(this.#directory, path)}`, { cause });
    }
  }
}

function fill(file: number, part: Buffer, position: number): boolean {
  for (let at = 0; at < part.byteLength;) {
    const count = readSync(file, part, at, part.byteLength - at, position + at);
    if (count === 0) return false;
    at += count;
  }
  return true;
}
