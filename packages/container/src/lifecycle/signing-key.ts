import { createPrivateKey, type KeyObject, randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { generateSigningKey } from "@inclavare/sgx";
import type { Config } from "../config.ts";

const FILE = "debug-signing-key.pem";

/**
 * The key that signs what is converted on this node: the operator's where the configuration names one.
 * @throws ERR_SIGNING_KEY for one that others can read, or that is no RSA key of 3072 bits with exponent 3
 */
export function signingKeyOf({ rune, conversion }: Config): KeyObject {
  return conversion.signingKey === undefined ? debugSigningKey(rune.state) : readOperatorsKey(conversion.signingKey);
}

function readOperatorsKey(path: string): KeyObject {
  const refuse = (why: string): InclavareError =>
    new InclavareError("ERR_SIGNING_KEY", `[conversion] signing_key ${path} ${why}`);
  let pem: Buffer;
  const file = openKey(path);
  try {
    const { uid, mode } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG) throw refuse("is not a file");
    if (uid !== process.geteuid?.()) throw refuse(`belongs to user ${uid}; it must belong to the user that signs`);
    if ((mode & 0o077) !== 0) throw refuse(`has mode ${(mode & 0o777).toString(8)}; others can use it, expected 600`);
    pem = readFileSync(file);
  } finally {
    closeSync(file);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw refuse("is no private key in PEM that can be read"); // OpenSSL's words could quote it
  }
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== "rsa" || modulusLength !== 3072 || publicExponent !== 3n)
    throw refuse("is no RSA key of 3072 bits with exponent 3, which SGX wants (inclavare keygen makes one)");
  return key;
}

function openKey(path: string): number {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    throw new InclavareError("ERR_SIGNING_KEY", `[conversion] signing_key ${path} cannot be opened`, { cause });
  }
}

/**
 * The key that signs the debug enclaves of this node, made when it is needed for the first time: an RSA key of 3072 bits
 * takes a second to make, and which key signs what is debug anyhow proves nothing. It is gone with the state folder.
 */
function debugSigningKey(state: string): KeyObject {
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
