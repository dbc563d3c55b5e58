/** Compact JSON Web Signatures, strictly. @see RFC 7515, sections 3 and 7.1; RFC 8725, best current practices */
import { sign, verify } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { ALGORITHMS, type SigningKey, type VerificationKey } from "./jwk.ts";

/** Media type of tokens by RFC 9782; in the header, so that a JWT made for something else is none (RFC 8725, 3.11). */
const TYPE = "eat+jwt";
const LIMIT_CHARACTERS = 1 << 20;
const CODE = "ERR_EAR_FORMAT";

interface Header {
  readonly alg: string;
  readonly kid: string;
}

/** A token taken apart; nothing in it is verified. */
export interface Jws {
  readonly header: Header;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

export function signJws(payload: object, { privateKey, jwk: { alg, kid } }: SigningKey): string {
  const signed = [{ alg, typ: TYPE, kid }, payload].map((part) => encode(JSON.stringify(part))).join(".");
  const signature = sign(ALGORITHMS[alg].hash, Buffer.from(signed), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${signed}.${signature.toString("base64url")}`;
}

/** @throws InclavareError ERR_EAR_FORMAT */
export function decodeJws(token: string): Jws {
  if (token.length > LIMIT_CHARACTERS) throw new InclavareError(CODE, "the token is longer than 1 MiB");
  const parts = token.split(".");
  const [header = "", payload = "", signature = ""] = parts;
  if (parts.length !== 3) throw new InclavareError(CODE, `the token has ${parts.length} parts, expected 3`);
  return {
    header: readHeader(readObject(header, "header")),
    payload: readObject(payload, "payload"),
    signed: Buffer.from(`${header}.${payload}`, "latin1"),
    signature: decode(signature, "signature"),
  };
}

/**
 * The algorithm is the key's own: what the token says of it must only agree.
 * @throws InclavareError ERR_EAR_KEY, ERR_EAR_SIGNATURE
 */
export function verifyJws({ header, signed, signature }: Jws, keys: readonly VerificationKey[]): void {
  const key = keys.find(({ kid }) => kid === header.kid);
  const known = keys.map(({ kid }) => kid).join(", ");
  if (key === undefined) {
    throw new InclavareError("ERR_EAR_KEY", `the token is signed by key "${header.kid}", trusted are ${known}`);
  }
  if (key.alg !== header.alg) {
    throw new InclavareError("ERR_EAR_KEY", `the token says ${header.alg}, and its key is one for ${key.alg}`);
  }
  const { hash, signatureBytes } = ALGORITHMS[key.alg];
  const isGood =
    signature.length === signatureBytes &&
    verify(hash, signed, { key: key.publicKey, dsaEncoding: "ieee-p1363" }, signature);
  if (!isGood) throw new InclavareError("ERR_EAR_SIGNATURE", `the token is not signed by key "${key.kid}"`);
}

function readHeader({ alg, kid, typ, crit }: Readonly<Record<string, unknown>>): Header {
  if (typ !== TYPE) throw new InclavareError(CODE, `the token is of type ${JSON.stringify(typ)}, expected "${TYPE}"`);
  if (crit !== undefined) throw new InclavareError(CODE, "the token's header has critical members, expected none");
  if (typeof alg === "string" && typeof kid === "string") return { alg, kid };
  throw new InclavareError(CODE, "the token's header names no algorithm or no key");
}

function readObject(text: string, what: string): Readonly<Record<string, unknown>> {
  const bytes = decode(text, what);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch (cause) {
    throw new InclavareError(CODE, `the token's ${what} is not JSON`, { cause });
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  throw new InclavareError(CODE, `the token's ${what} is not an object`);
}

/** Base64url without padding; the unused bits of the last character must be zero, so that a token has one form. */
function decode(text: string, what: string): Uint8Array {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") === text) return bytes;
  throw new InclavareError(CODE, `the token's ${what} is not base64url`);
}

function encode(text: string): string {
  return Buffer.from(text, "utf8").toString("base64url");
}
