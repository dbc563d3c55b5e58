import { generateKeyPairSync, randomUUID } from "node:crypto";
import { linkSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { prepareStateDirectory } from "./state-directory.ts";

/** Shelter's keys: the one that enclave manifests name as a verifier, and the one that signs its tokens. */
const FILE_NAMES = { client: "client-key.pem", token: "token-key.pem" } as const;

/**
 * The PEM of a key of Shelter's: the given file, or the key in the state directory, made there (P-256, mode 0600) the
 * first time.
 * @throws InclavareError ERR_FILE, ERR_STATE_DIRECTORY
 */
export function loadKey(use: keyof typeof FILE_NAMES, stateDirectory: string, keyFile: string | undefined): string {
  if (keyFile !== undefined) return readKey(keyFile);
  prepareStateDirectory(stateDirectory);
  const path = join(stateDirectory, FILE_NAMES[use]);
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw new InclavareError("ERR_FILE", `cannot read ${path}`, { cause: error });
  }
  createKey(path);
  return readKey(path);
}

/** Appears whole or not at all; of two commands at once, the first one's key stays. */
function createKey(path: string): void {
  const draft = `${path}.${randomUUID()}`;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  try {
    writeFileSync(draft, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
    linkSync(draft, path);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw new InclavareError("ERR_FILE", `cannot write ${path}`, { cause: error });
  } finally {
    rmSync(draft, { force: true });
  }
}

function readKey(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new InclavareError("ERR_FILE", `cannot read key ${path}`, { cause: error });
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
