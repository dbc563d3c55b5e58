import { createHash } from "node:crypto";
import { isInclavareError } from "@inclavare/errors";
import { ATTRIBUTE_FLAG, decodeSigstruct, mrSignerOf, type Sigstruct, verifySigstruct } from "@inclavare/sgx";
import { decodeAppImage } from "../app-image/decode.ts";
import type { EnclaveManifest } from "../manifest/types.ts";
import type { Measurer } from "../measure/measurer.ts";
import { type ReadOptions, readTeeImage, type TeeContents } from "./contents.ts";

export interface InspectOptions extends ReadOptions {
  /** Measures the image as well; default: only what the SIGSTRUCT says is reported. */
  readonly measurer?: Measurer;
}

/** What is known of a TEE image; hashes in lower-case hex. */
export interface TeeImageInspection {
  /** `sha256:…` of the OCI image manifest. */
  readonly manifestDigest?: string;
  /** Whether there is a SIGSTRUCT, and its signature holds. */
  readonly signature: "none" | "valid" | "invalid";
  /** What was measured with this payload; without one, what the SIGSTRUCT is for. */
  readonly mrEnclave?: string;
  readonly mrSigner?: string;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly debug: boolean;
  /** DATE of the SIGSTRUCT: YYYY-MM-DD. */
  readonly date?: string;
  /** SIZE of the enclave, where it was measured. */
  readonly enclaveBytes?: number;
  readonly manifestSha256: string;
  readonly appImageSha256: string;
  readonly application: { readonly files: number; readonly entries: number; readonly sizeBytes: number };
  readonly manifest: EnclaveManifest;
  /** Why the enclave would not be launched, a sentence each; empty when nothing speaks against it. */
  readonly problems: readonly string[];
}

/**
 * Tells what a TEE image is. Whatever would keep it from being launched is reported, not thrown.
 * @throws ERR_IMAGE_NOT_TEE, ERR_MANIFEST, ERR_APP_IMAGE, ERR_OCI_*
 */
export async function inspectTeeImage(path: string, options: InspectOptions = {}): Promise<TeeImageInspection> {
  const contents = await readTeeImage(path, options);
  const { manifest, manifestBytes, appImage, manifestDigest } = contents;
  const entries = [...decodeAppImage(appImage).entries.values()];
  const measured = options.measurer?.measure({ manifest: manifestBytes, appImage });
  const problems: string[] = [];
  const sigstruct = readSigstruct(contents, problems);
  if (sigstruct !== undefined) compare(sigstruct, manifest, measured?.mrEnclave, problems);
  const mrEnclave = measured?.mrEnclave ?? sigstruct?.mrEnclave;
  return {
    ...(manifestDigest === undefined ? {} : { manifestDigest }),
    signature: sigstruct?.signature ?? (contents.sigstruct === undefined ? "none" : "invalid"),
    ...(mrEnclave === undefined ? {} : { mrEnclave: hex(mrEnclave) }),
    ...(sigstruct === undefined ? {} : { mrSigner: sigstruct.mrSigner, date: sigstruct.date }),
    isvProdId: sigstruct?.isvProdId ?? manifest.product.id,
    isvSvn: sigstruct?.isvSvn ?? manifest.product.svn,
    debug: manifest.debug,
    ...(measured === undefined ? {} : { enclaveBytes: measured.sizeBytes }),
    manifestSha256: sha256(manifestBytes),
    appImageSha256: sha256(appImage),
    application: {
      files: entries.filter(({ type }) => type === "file").length,
      entries: entries.length,
      sizeBytes: appImage.byteLength,
    },
    manifest,
    problems,
  };
}

interface SigstructFacts {
  readonly signature: "valid" | "invalid";
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: string;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly debug: boolean;
  readonly date: string;
}

function readSigstruct({ sigstruct: bytes }: TeeContents, problems: string[]): SigstructFacts | undefined {
  if (bytes === undefined) {
    problems.push("it is not signed");
    return undefined;
  }
  let decoded: Sigstruct;
  try {
    decoded = decodeSigstruct(bytes);
  } catch (error) {
    if (!isInclavareError(error)) throw error;
    problems.push(`its SIGSTRUCT is malformed: ${error.message}`);
    return undefined;
  }
  const valid = verifySigstruct(decoded, bytes);
  if (!valid) problems.push("the signature in its SIGSTRUCT does not hold");
  return {
    signature: valid ? "valid" : "invalid",
    mrEnclave: decoded.mrEnclave,
    mrSigner: hex(mrSignerOf(decoded.modulus)),
    isvProdId: decoded.isvProdId,
    isvSvn: decoded.isvSvn,
    debug: (decoded.attributes.flags & ATTRIBUTE_FLAG.debug) !== 0n,
    date: formatDate(decoded.date),
  };
}

function compare(
  sigstruct: SigstructFacts,
  { product, debug }: EnclaveManifest,
  measured: Uint8Array | undefined,
  problems: string[],
): void {
  if (measured !== undefined && hex(measured) !== hex(sigstruct.mrEnclave)) {
    problems.push(
      `it was signed as ${hex(sigstruct.mrEnclave)} and measures ${hex(measured)}: it was altered, or signed for another ` +
        "release's payload",
    );
  }
  if (sigstruct.isvProdId !== product.id || sigstruct.isvSvn !== product.svn) {
    problems.push(
      `it was signed as product ${sigstruct.isvProdId} version ${sigstruct.isvSvn}, its manifest says ${product.id} ` +
        `version ${product.svn}`,
    );
  }
  if (sigstruct.debug !== debug) problems.push("manifest and SIGSTRUCT do not agree on whether it is a debug enclave");
}

/** BCD, 0xYYYYMMDD. */
function formatDate(date: number): string {
  const digits = date.toString(16).padStart(8, "0");
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
