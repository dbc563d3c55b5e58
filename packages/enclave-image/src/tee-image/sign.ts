import { createPublicKey, type KeyObject } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { parseJson, type WideJson } from "@inclavare/oci";
import { cascadeSignature, type SigningFields, signingMaterial, signMaterial, sigstructBody } from "@inclavare/sgx";
import type { EnclaveManifest } from "../manifest/types.ts";
import type { Measurer } from "../measure/measurer.ts";
import { readTeeImage, type TeeContents } from "./contents.ts";
import { replaceLayout } from "./replace.ts";
import { writeTeeImage } from "./write.ts";

/** The date of a SIGSTRUCT when neither caller nor image have one. */
export const FIXED_EPOCH: Date = new Date(0);
const INDEX_LIMIT_BYTES = 4 << 20;
const REFERENCE = "org.opencontainers.image.ref.name";

export interface SigningOptions {
  readonly measurer: Measurer;
  /** DATE of the SIGSTRUCT, in days; default: when the image was created, else 1970-01-01. */
  readonly date?: Date | undefined;
}

/** What is to be signed, and by what name the SIGSTRUCT will say it. */
export interface SigningMaterial {
  /** 256 bytes, to be signed with RSASSA-PKCS1-v1_5 and SHA-256. */
  readonly material: Uint8Array;
  readonly fields: SigningFields;
}

/** What the SIGSTRUCT says of an enclave with this manifest. */
export function enclaveSigningFields(
  { product, debug }: Pick<EnclaveManifest, "product" | "debug">,
  mrEnclave: Uint8Array,
  date: Date,
): SigningFields {
  return { mrEnclave, isvProdId: product.id, isvSvn: product.svn, date, debug };
}

/** First step: measures the image and gives what has to be signed, wherever the key is. */
export async function teeImageSigningMaterial(path: string, options: SigningOptions): Promise<SigningMaterial> {
  return materialOf(await readTeeImage(path), options);
}

/**
 * Third step: puts a signature over the material into the image. The material is computed anew, so a signature for another
 * image, another payload or another date does not fit.
 * @param signature 384 bytes, big-endian, as RSA tools give them.
 * @returns the SIGSTRUCT.
 * @throws ERR_SGX_INVALID_SIGNATURE, ERR_SGX_SIGNING_KEY, ERR_IMAGE_NOT_TEE, ERR_FILE
 */
export async function cascadeTeeImage(
  layoutDirectory: string,
  { publicKey, signature, ...options }: SigningOptions & { publicKey: KeyObject; signature: Uint8Array },
): Promise<Uint8Array> {
  const reference = await readReference(layoutDirectory);
  const contents = await readTeeImage(layoutDirectory);
  const { fields } = materialOf(contents, options);
  const sigstruct = cascadeSignature(sigstructBody(fields), publicKey, signature);
  await replaceLayout(layoutDirectory, (temporary) =>
    writeTeeImage(temporary, { ...contents, sigstruct }, reference === undefined ? {} : { reference }),
  );
  return sigstruct;
}

/**
 * All three steps at once. An image that is signed already gets the new signature instead.
 * @returns the SIGSTRUCT.
 * @throws as {@link cascadeTeeImage}
 */
export async function signTeeImage(
  layoutDirectory: string,
  { privateKey, ...options }: SigningOptions & { privateKey: KeyObject },
): Promise<Uint8Array> {
  const { material, fields } = await teeImageSigningMaterial(layoutDirectory, options);
  const signature = signMaterial(material, privateKey);
  const publicKey = createPublicKey(privateKey);
  return await cascadeTeeImage(layoutDirectory, { ...options, date: fields.date, publicKey, signature });
}

function materialOf(
  { manifest, manifestBytes, appImage, created }: TeeContents,
  { measurer, date = created ?? FIXED_EPOCH }: SigningOptions,
): SigningMaterial {
  const { mrEnclave } = measurer.measure({ manifest: manifestBytes, appImage });
  const fields = enclaveSigningFields(manifest, mrEnclave, date);
  return { material: signingMaterial(sigstructBody(fields)), fields };
}

/** The image's name. Only a layout of a single image is changed: the blobs of others must not be lost. */
async function readReference(layoutDirectory: string): Promise<string | undefined> {
  const path = join(layoutDirectory, "index.json");
  let bytes: Uint8Array;
  try {
    const stats = await lstat(path);
    if (stats.size > INDEX_LIMIT_BYTES) throw notOurs(layoutDirectory);
    bytes = await readFile(path);
  } catch (cause) {
    if (cause instanceof InclavareError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code;
    const known = code === "ENOENT" || code === "ENOTDIR";
    if (known)
      throw new InclavareError("ERR_IMAGE_NOT_TEE", `${layoutDirectory} is no OCI layout directory`, { cause });
    throw new InclavareError("ERR_FILE", `${path} cannot be read`, { cause });
  }
  const index = parseJson(bytes, { what: path, code: "ERR_OCI_IMAGE", limitBytes: INDEX_LIMIT_BYTES });
  const manifests = member(index, "manifests");
  if (!Array.isArray(manifests) || manifests.length !== 1) throw notOurs(layoutDirectory);
  const reference = member(member(manifests[0] as WideJson, "annotations"), REFERENCE);
  return typeof reference === "string" ? reference : undefined;
}

function notOurs(layoutDirectory: string): InclavareError {
  return new InclavareError("ERR_IMAGE_NOT_TEE", `${layoutDirectory} is no layout of one TEE image`);
}

function member(value: WideJson | undefined, name: string): WideJson | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return (value as { readonly [key: string]: WideJson })[name];
}
