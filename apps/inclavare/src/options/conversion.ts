import { createHash, createPublicKey } from "node:crypto";
import type { CommandContext, OptionTable } from "@inclavare/cli";
import type { ConvertOptions, ManifestPatch } from "@inclavare/enclave-image";
import { InclavareError, type JsonValue } from "@inclavare/errors";
import { parseJson } from "@inclavare/oci";
import { readNamedFile } from "./files.ts";
import { parseInteger, parseSize } from "./numbers.ts";

const MANIFEST_LIMIT_BYTES = 1 << 20;

/** What decides about the enclave of an ordinary image: the same for `convert` and for `measure`. */
export const conversionOptions = {
  runtime: { type: "string", choices: ["wasm"], value: "NAME", help: "enclave runtime (default: wasm)" },
  workload: { type: "string", value: "NAME", help: "name of the workload (default: after the program)" },
  owner: { type: "string", value: "TEXT", help: "whose it is: another owner, another measurement (default: nobody)" },
  verifier: {
    type: "string",
    multiple: true,
    value: "HEX|FILE",
    help: "key from which secrets are taken: SHA-256 of its SubjectPublicKeyInfo, or its PEM",
  },
  secret: { type: "string", multiple: true, value: "NAME=PATH", help: "a secret, and the file it becomes" },
  "env-from-outside": { type: "string", multiple: true, value: "NAME", help: "a variable that the caller may set" },
  "args-from-outside": { type: "boolean", help: "the caller chooses the arguments after the entrypoint" },
  "allow-exec": { type: "boolean", help: "further processes may be started from outside" },
  stdin: { type: "boolean", help: "the application reads what comes in on its standard input" },
  debug: { type: "boolean", help: "a debug enclave, which no default policy accepts" },
  "isv-prod-id": { type: "string", value: "N", help: "product id: 0 to 65535 (default: 0)" },
  "isv-svn": { type: "string", value: "N", help: "security version: 0 to 65535 (default: 0)" },
  memory: { type: "string", value: "SIZE", help: "memory for all processes together (default: 256M)" },
  threads: { type: "string", value: "N", help: "processes that can run at once (default: 8)" },
  "memory-mount": {
    type: "string",
    multiple: true,
    value: "PATH",
    help: "empty writable directory in memory (default: /tmp)",
  },
  manifest: { type: "string", value: "FILE", help: "changes to the manifest as JSON; the other flags come after it" },
} as const satisfies OptionTable;

export const referenceOption = {
  reference: { type: "string", value: "NAME", help: "which of several images (default: the only one)" },
} as const satisfies OptionTable;

type Values = CommandContext<typeof conversionOptions>["values"];

/** Whether any of the flags was given: for a TEE image, whose manifest is there already, they mean nothing. */
export function firstConversionFlag(values: Values): string | undefined {
  const isGiven = (value: unknown): boolean =>
    value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);
  return (Object.keys(conversionOptions) as (keyof Values)[]).find((flag) => isGiven(values[flag]));
}

/** @throws ERR_USAGE for a value of the wrong form, ERR_MANIFEST, ERR_FILE_NOT_FOUND, ERR_FILE */
export function readConversion(values: Values): ConvertOptions {
  return {
    argsFromOutside: values["args-from-outside"],
    envFromOutside: values["env-from-outside"],
    patches: [...(values.manifest === undefined ? [] : [readPatch(values.manifest)]), patchOf(values)],
  };
}

/** Only what was given: the rest stays as the image or the file has it. */
function patchOf(values: Values): ManifestPatch {
  const { workload, owner, verifier, secret, memory, threads } = values;
  const mounts = values["memory-mount"];
  const product = {
    ...given("id", values["isv-prod-id"], (text) => parseInteger("isv-prod-id", text)),
    ...given("svn", values["isv-svn"], (text) => parseInteger("isv-svn", text)),
  };
  return {
    ...given("workload", workload, String),
    ...given("owner", owner, String),
    ...(verifier.length === 0 ? {} : { verifiers: [...new Set(verifier.map(parseVerifier))] }),
    ...(secret.length === 0 ? {} : { secrets: secret.map(parseSecret) }),
    ...(mounts.length === 0 ? {} : { mounts: { memory: mounts } }),
    ...(values["allow-exec"] ? { exec: true } : {}),
    ...(values.stdin ? { stdin: true } : {}),
    ...(values.debug ? { debug: true } : {}),
    ...(Object.keys(product).length === 0 ? {} : { product }),
    ...given("memoryBytes", memory, (text) => parseSize("memory", text)),
    ...given("threads", threads, (text) => parseInteger("threads", text)),
  };
}

function given<T extends JsonValue>(
  name: string,
  text: string | undefined,
  parse: (text: string) => T,
): { readonly [name: string]: T } {
  return text === undefined ? {} : { [name]: parse(text) };
}

function parseSecret(text: string): { readonly name: string; readonly path: string } {
  const at = text.indexOf("=");
  if (at > 0) return { name: text.slice(0, at), path: text.slice(at + 1) };
  throw new InclavareError("ERR_USAGE", `--secret is "${text}", expected NAME=PATH`);
}

function parseVerifier(text: string): string {
  if (/^[0-9a-fA-F]{64}$/u.test(text)) return text.toLowerCase();
  const pem = readNamedFile(text, "verifier's key");
  try {
    const spki = createPublicKey(pem).export({ format: "der", type: "spki" });
    return createHash("sha256").update(spki).digest("hex");
  } catch {
    throw new InclavareError(
      "ERR_USAGE",
      `--verifier is "${text}", expected 64 hexadecimal digits, or a file with a public key or certificate in PEM`,
    );
  }
}

function readPatch(path: string): ManifestPatch {
  const bytes = readNamedFile(path, "manifest");
  const value = parseJson(bytes, { what: path, code: "ERR_MANIFEST", limitBytes: MANIFEST_LIMIT_BYTES });
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as ManifestPatch;
  throw new InclavareError("ERR_MANIFEST", `${path} is not a JSON object`);
}
