import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";

const LIMIT_BYTES = 16 << 20;

/** Reads a file that was named on the command line. @throws ERR_FILE_NOT_FOUND, ERR_FILE */
export function readNamedFile(path: string, what: string): Buffer {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(file);
    if (!stats.isFile()) throw new InclavareError("ERR_FILE", `${what} ${path} is not a file`);
    if (stats.size > LIMIT_BYTES) {
      throw new InclavareError("ERR_FILE", `${what} ${path} has ${stats.size} bytes, at most ${LIMIT_BYTES} are read`);
    }
    return readFileSync(file);
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new InclavareError(missing ? "ERR_FILE_NOT_FOUND" : "ERR_FILE", `${what} ${path} cannot be read`, { cause });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** Writes a new file; one that is there already is not touched. @throws ERR_OUTPUT_EXISTS, ERR_FILE */
export function writeNewFile(path: string, bytes: string | Uint8Array, mode: number): void {
  try {
    writeFileSync(path, bytes, { mode, flag: "wx", flush: true });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "EEXIST") {
      throw new InclavareError("ERR_OUTPUT_EXISTS", `${path} exists already; it was not touched`, { cause });
    }
    throw new InclavareError("ERR_FILE", `${path} could not be written`, { cause });
  }
}

/** @throws ERR_SGX_SIGNING_KEY when the file holds no private key; its kind is checked by whoever signs */
export function readPrivateKey(path: string): KeyObject {
  const pem = readNamedFile(path, "signing key");
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause is left out: OpenSSL's words say nothing that helps, and a key's file should not be quoted.
    throw new InclavareError("ERR_SGX_SIGNING_KEY", `${path} holds no private key in PEM that can be read`);
  }
}

/** A public key, or a certificate of one. @throws ERR_SGX_SIGNING_KEY */
export function readPublicKey(path: string): KeyObject {
  const pem = readNamedFile(path, "public key");
  try {
    return createPublicKey(pem);
  } catch {
    throw new InclavareError("ERR_SGX_SIGNING_KEY", `${path} holds no public key in PEM that can be read`);
  }
}
