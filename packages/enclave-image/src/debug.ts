import { createHash, type KeyObject } from "node:crypto";
import { open, rename } from "node:fs/promises";
import { constants } from "node:os";
import { join } from "node:path";
import { createSigstruct } from "@inclavare/sgx";
import { streamAppImage } from "./app-image/encode.ts";
import type { AppImageInput } from "./app-image/types.ts";
import { findWasmProgram } from "./carrier/wasm.ts";
import { APP_IMAGE_FILE, MANIFEST_FILE, SIGSTRUCT_FILE } from "./constants.ts";
import { cleanDirectory, deriveManifest, parseVariables } from "./convert/manifest.ts";
import { encodeManifest, parseManifest } from "./manifest/parse.ts";
import { shortSignalName } from "./manifest/signals.ts";
import type { EnclaveManifest } from "./manifest/types.ts";
import { sourceFromDirectory } from "./source/directory.ts";
import { enclaveSigningFields } from "./tee-image/sign.ts";
import { patchManifest } from "./convert/merge.ts";
import { InclavareError } from "@inclavare/errors";
import type { RunnableProcess } from "@inclavare/oci";

/** An ordinary image, unpacked, and what is to run of it. */
export interface OrdinaryImage {
  readonly rootfs: string;
  /** The process that the OCI runtime specification asks for. */
  readonly process: Pick<RunnableProcess, "args" | "env" | "cwd" | "user">;
}

/** A debug enclave before its files are written. */
export interface DebugEnclave {
  /** As it will be measured. */
  readonly manifest: Uint8Array;
  /** Of the application image that the files make now, in lower-case hexadecimal. */
  readonly appImageSha256: string;
  readonly entries: ReadonlyMap<string, AppImageInput>;
}

export interface SignDebugEnclaveOptions {
  /** Gives MRENCLAVE of the payload with the two files that are in the directory by then. */
  readonly measure: () => Uint8Array;
  /** RSA-3072 with exponent 3. */
  readonly signingKey: KeyObject;
  /** The date of the signature. */
  readonly now: Date;
}

/** All that a process can be sent; KILL gets through in any case. */
const SIGNALS = [
  ...new Set(Object.keys(constants.signals).map(shortSignalName)),
  ...Array.from({ length: 31 }, (_, number) => (number === 0 ? "RTMIN" : `RTMIN+${number}`)),
].filter((name) => name !== "KILL" && name !== "STOP");

/**
 * Plans a debug enclave of an ordinary root file system, for a container whose image is no TEE image. Its manifest fixes
 * program, directory and user, takes arguments and the process's variables from outside, and allows exec: what differs
 * between the replicas of a pod, and what may be a secret, is not in it. Evidence of it is debug, whoever signed it.
 * @throws ERR_IMAGE_ENTRYPOINT, ERR_IMAGE_ESCAPE, ERR_IMAGE_NOT_WASM, ERR_IMAGE_LIMIT, ERR_MANIFEST, ERR_FILE
 */
export async function planDebugEnclave({ rootfs, process }: OrdinaryImage): Promise<DebugEnclave> {
  const { entries } = await sourceFromDirectory(rootfs);
  const cwd = cleanDirectory(process.cwd);
  const searchPath = parseVariables(process.env ?? []).get("PATH");
  const program = await findWasmProgram(entries, { name: process.args[0], cwd, searchPath });
  const hash = createHash("sha256");
  for await (const piece of streamAppImage(entries.values())) hash.update(piece);
  const manifest = encodeManifest(debugManifest(process, program, cwd));
  return { manifest, appImageSha256: hash.digest("hex"), entries };
}

/**
 * Writes the files of a planned enclave to an empty directory: the SIGSTRUCT last, so that where it is, all is.
 * @throws ERR_FILE, ERR_IMAGE_CHANGED when the image is not any more what was planned, ERR_SGX_SIGNING_KEY
 */
export async function writeDebugEnclave(
  directory: string,
  { manifest, appImageSha256, entries }: DebugEnclave,
  { measure, signingKey, now }: SignDebugEnclaveOptions,
): Promise<void> {
  await write(directory, MANIFEST_FILE, [manifest]);
  const written = await write(directory, APP_IMAGE_FILE, streamAppImage(entries.values()));
  if (written !== appImageSha256)
    throw new InclavareError("ERR_IMAGE_CHANGED", "the files of the image changed while an enclave was made of them");
  const fields = enclaveSigningFields(parseManifest(manifest, MANIFEST_FILE), measure(), now);
  await write(directory, SIGSTRUCT_FILE, [createSigstruct(fields, signingKey)]);
}

function debugManifest(process: OrdinaryImage["process"], program: string, cwd: string): EnclaveManifest {
  const { uid = 0, gid = 0 } = process.user ?? {};
  const envFromOutside = [...parseVariables(process.env ?? []).keys()].toSorted();
  const derived = deriveManifest(
    { entrypoint: [program], args: [], env: [], cwd, user: { uid, gid } },
    { argsFromOutside: true, envFromOutside },
  );
  return patchManifest(
    derived,
    [{ debug: true, exec: true, hooks: true, stdin: true, signals: SIGNALS, threads: 64 }],
    "derived debug manifest",
  );
}

/** The file appears under its name when it is whole. @returns its SHA-256 */
async function write(
  directory: string,
  name: string,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<string> {
  const hash = createHash("sha256");
  const temporary = join(directory, `.${name}`);
  try {
    const file = await open(temporary, "wx", 0o644);
    try {
      await file.chmod(0o644); // whatever the umask: init-runelet has the container's user
      for await (const piece of pieces) {
        hash.update(piece);
        await file.writeFile(piece);
      }
    } finally {
      await file.close();
    }
    await rename(temporary, join(directory, name));
    return hash.digest("hex");
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    throw new InclavareError("ERR_FILE", `the debug enclave could not be written to ${directory}`, { cause });
  }
}
