import type { KeyObject } from "node:crypto";
import { writeFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { createSigstruct } from "@inclavare/sgx";
import { buildAppImage } from "./app-image/encode.ts";
import { findWasmProgram } from "./carrier/wasm.ts";
import { APP_IMAGE_FILE, MANIFEST_FILE, SIGSTRUCT_FILE } from "./constants.ts";
import { cleanDirectory, deriveManifest, parseVariables } from "./convert/manifest.ts";
import { encodeManifest } from "./manifest/parse.ts";
import { shortSignalName } from "./manifest/signals.ts";
import type { EnclaveManifest } from "./manifest/types.ts";
import type { EnclaveFilesBytes } from "./measure/measurer.ts";
import { sourceFromDirectory } from "./source/directory.ts";
import { enclaveSigningFields } from "./tee-image/sign.ts";
import { patchManifest } from "./convert/merge.ts";
import { InclavareError } from "@inclavare/errors";
import type { RunnableProcess } from "@inclavare/oci";

export interface DebugEnclaveOptions {
  /** The root file system of an ordinary image, unpacked. */
  readonly rootfs: string;
  /** The process that the OCI runtime specification asks for. */
  readonly process: Pick<RunnableProcess, "args" | "env" | "cwd" | "user">;
  /** Gives MRENCLAVE of the payload with these files; by then they are in the directory. */
  readonly measure: (files: EnclaveFilesBytes) => Uint8Array;
  /** RSA-3072 with exponent 3. */
  readonly signingKey: KeyObject;
  /** The date of the signature. */
  readonly now: Date;
  /** Where the three files are written to as well; it has to exist. Default: nowhere. */
  readonly directory?: string;
}

/** All that a process can be sent; KILL gets through in any case. */
const SIGNALS = [
  ...new Set(Object.keys(constants.signals).map(shortSignalName)),
  ...Array.from({ length: 31 }, (_, number) => (number === 0 ? "RTMIN" : `RTMIN+${number}`)),
].filter((name) => name !== "KILL" && name !== "STOP");

/** The three files of an enclave. */
export interface DebugEnclave {
  readonly manifest: Uint8Array;
  readonly appImage: Uint8Array;
  readonly sigstruct: Uint8Array;
}

/**
 * Makes a debug enclave of an ordinary root file system, for a container whose image is no TEE image. Its manifest allows
 * what the process asks for and exec. Evidence of it is debug, whoever signed it, and its measurement says nothing to
 * anybody who has not seen these very files.
 * @throws ERR_IMAGE_ENTRYPOINT, ERR_IMAGE_ESCAPE, ERR_IMAGE_NOT_WASM, ERR_IMAGE_LIMIT, ERR_MANIFEST, ERR_PAYLOAD_*, ERR_FILE
 */
export async function deriveDebugEnclave(options: DebugEnclaveOptions): Promise<DebugEnclave> {
  const { rootfs, process, measure, signingKey, now, directory } = options;
  const { entries } = await sourceFromDirectory(rootfs);
  const cwd = cleanDirectory(process.cwd);
  const searchPath = parseVariables(process.env ?? []).get("PATH");
  const program = await findWasmProgram(entries, { name: process.args[0], cwd, searchPath });
  const decoded = debugManifest(process, program, cwd);
  const manifest = encodeManifest(decoded);
  const appImage = await buildAppImage(entries.values());
  write(directory, MANIFEST_FILE, manifest);
  write(directory, APP_IMAGE_FILE, appImage);
  const mrEnclave = measure({ manifest, appImage });
  const sigstruct = createSigstruct(enclaveSigningFields(decoded, mrEnclave, now), signingKey);
  write(directory, SIGSTRUCT_FILE, sigstruct);
  return { manifest, appImage, sigstruct };
}

function debugManifest(process: DebugEnclaveOptions["process"], program: string, cwd: string): EnclaveManifest {
  const { uid = 0, gid = 0 } = process.user ?? {};
  const derived = deriveManifest({
    entrypoint: [program],
    args: process.args.slice(1),
    env: process.env ?? [],
    cwd,
    user: { uid, gid },
  });
  return patchManifest(
    derived,
    [{ debug: true, exec: true, hooks: true, stdin: true, signals: SIGNALS, threads: 64 }],
    "derived debug manifest",
  );
}

function write(directory: string | undefined, name: string, bytes: Uint8Array): void {
  if (directory === undefined) return;
  try {
    writeFileSync(join(directory, name), bytes, { mode: 0o644, flag: "wx" });
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `the debug enclave could not be written to ${directory}`, { cause });
  }
}
