import { createPrivateKey, type KeyObject, randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { generateSigningKey } from "@inclavare/sgx";

const FILE = "debug-signing-key.pem";

/**
 * The key that signs the debug enclaves of this node, made when it is needed for the first time: an RSA key of 3072 bits
 * takes a second to make, and which key signs what is debug anyhow proves nothing. It is gone with the state folder.
 */
export function debugSigningKey(state: string): KeyObject {
  const path = join(state, FILE);
  return readKey(path) ?? makeKey(state, path);
}

function readKey(path: string): KeyObject | undefined {
  try {
    return createPrivateKey(readFileSync(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new InclavareError("ERR_FILE", `${path} is not the private key that signs debug enclaves; remove it`, {
      cause: (cause as NodeJS.ErrnoException).syscall === undefined ? undefined : cause,
    });
  }
}

/** Of several who make one at a time, the first to give it its name wins. */
function makeKey(state: string, path: string): KeyObject {
  const key = generateSigningKey();
  const temporary = `${path}.${randomUUID()}`;
  try {
    mkdirSync(state, { recursive: true, mode: 0o700 });
    writeFileSync(temporary, key.export({ type: "pkcs8", format: "pem" }), { mode: 0o600, flag: "wx" });
    linkSync(temporary, path);
    return key;
  } catch (cause) {
    const winner = readKey(path);
    if (winner !== undefined) return winner;
    throw new InclavareError("ERR_FILE", `cannot write ${path}`, { cause });
  } finally {
    rmSync(temporary, { force: true });
  }
}
