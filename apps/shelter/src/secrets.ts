import { readFileSync, statSync } from "node:fs";
import type { HttpClient } from "@inclavare/enclave-tls";
import { InclavareError } from "@inclavare/errors";

/** One secret on its way into an enclave. */
export interface Secret {
  readonly name: string;
  readonly content: Uint8Array;
}

/** What a workload takes at most (PUT /v1/secrets/NAME). */
const MAX_SECRET_BYTES = 16 << 20;
const SECRET_NAME = /^[\w.-]{1,128}$/u;

/**
 * Reads the secrets that `--secret NAME=FILE` names, before anything is connected.
 * @throws InclavareError ERR_USAGE, ERR_FILE, ERR_SECRET_TOO_LARGE
 */
export function readSecrets(flags: readonly string[]): Secret[] {
  const secrets = flags.map(readSecret);
  const names = new Set(secrets.map(({ name }) => name));
  if (names.size < secrets.length) throw new InclavareError("ERR_USAGE", "--secret names one secret twice");
  return secrets;
}

/** Hands the secrets over, one after the other; the first one that is not taken ends it. */
export async function deliverSecrets(http: HttpClient, secrets: readonly Secret[], timeoutMs: number): Promise<void> {
  for (const { name, content } of secrets) {
    const path = `/v1/secrets/${encodeURIComponent(name)}`;
    await http.request({ method: "PUT", path, body: content, contentType: "application/octet-stream", timeoutMs });
  }
}

function readSecret(flag: string): Secret {
  const split = flag.indexOf("=");
  const name = flag.slice(0, Math.max(split, 0));
  const file = flag.slice(split + 1);
  if (!SECRET_NAME.test(name) || file === "") {
    throw new InclavareError("ERR_USAGE", `--secret is "${name}=…", expected NAME=FILE`);
  }
  try {
    const { size } = statSync(file);
    if (size <= MAX_SECRET_BYTES) return { name, content: readFileSync(file) };
  } catch (error) {
    throw new InclavareError("ERR_FILE", `cannot read ${file}, the secret "${name}"`, { cause: error });
  }
  throw new InclavareError("ERR_SECRET_TOO_LARGE", `${file} is larger than ${MAX_SECRET_BYTES} bytes`);
}
