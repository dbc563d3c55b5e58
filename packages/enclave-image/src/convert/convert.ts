import { flattenLayers, type ImageConfig, type OpenedImage, type Platform, resolveUser } from "@inclavare/oci";
import { InclavareError } from "@inclavare/errors";
import { buildAppImage } from "../app-image/encode.ts";
import { findWasmProgram } from "../carrier/wasm.ts";
import { ENCLAVE_DIRECTORY } from "../constants.ts";
import { encodeManifest } from "../manifest/parse.ts";
import type { EnclaveManifest } from "../manifest/types.ts";
import { sourceFromTree } from "../source/image-tree.ts";
import { cleanDirectory, deriveManifest, type OutsideOptions, parseVariables } from "./manifest.ts";
import { type ManifestPatch, patchManifest } from "./merge.ts";

export interface ConvertOptions extends OutsideOptions {
  /** Changes to the manifest that follows from the image, in order; default: none. */
  readonly patches?: readonly ManifestPatch[];
  /** Where the image's files are unpacked to meanwhile, in one file without a name; default: the system's folder. */
  readonly spoolDirectory?: string;
  /** Told before each step that may take long. */
  readonly onProgress?: (step: string) => void;
}

/** An unsigned enclave with everything that an OCI image says of it. */
export interface TeeImage {
  readonly manifest: EnclaveManifest;
  /** As it is measured. */
  readonly manifestBytes: Uint8Array;
  readonly appImage: Uint8Array;
  readonly config: ImageConfig;
  readonly platform: Platform;
  /** Left out when the ordinary image does not say. */
  readonly created?: Date;
  /** Paths in the ordinary image that the application image does not have: device nodes and pipes. */
  readonly skipped: readonly string[];
}

/**
 * Makes an unsigned enclave of an ordinary image. The same image and options give the same bytes.
 * @throws ERR_IMAGE_IS_TEE, ERR_IMAGE_ENTRYPOINT, ERR_IMAGE_ESCAPE, ERR_IMAGE_NOT_WASM, ERR_IMAGE_LIMIT, ERR_MANIFEST, and
 * what reading the layers throws (ERR_OCI_*)
 */
export async function convertImage(image: OpenedImage, options: ConvertOptions = {}): Promise<TeeImage> {
  const { patches = [], spoolDirectory, onProgress } = options;
  onProgress?.("reading the layers");
  await using tree = await flattenLayers(image, spoolDirectory === undefined ? {} : { spoolDirectory });
  if (tree.entries.has(`/${ENCLAVE_DIRECTORY}`)) {
    throw new InclavareError("ERR_IMAGE_IS_TEE", `the image has /${ENCLAVE_DIRECTORY}: it is a TEE image already`);
  }
  const { config, platform } = image;
  const { entries, skipped } = sourceFromTree(tree);
  const cwd = cleanDirectory(config.WorkingDir);
  const [entrypoint, args] = commandOf(config);
  const searchPath = parseVariables(config.Env ?? []).get("PATH");
  const program = await findWasmProgram(entries, { name: entrypoint[0], cwd, searchPath });
  const { uid, gid } = await resolveUser(tree, config.User ?? "");
  const derived = deriveManifest(
    {
      entrypoint: [program, ...entrypoint.slice(1)],
      args,
      env: config.Env ?? [],
      cwd,
      user: { uid, gid },
      stopSignal: config.StopSignal,
    },
    options,
  );
  const manifest = patchManifest(derived, patches, "enclave manifest");
  if (manifest.entrypoint[0] !== program) await findWasmProgram(entries, queryOf(manifest));
  onProgress?.("building the application image");
  const appImage = await buildAppImage(entries.values());
  const created = createdOf(image);
  return {
    manifest,
    manifestBytes: encodeManifest(manifest),
    appImage,
    config: configOf(manifest, config, args),
    platform: platformOf(platform),
    ...(created === undefined ? {} : { created }),
    skipped,
  };
}

/** For which machines the TEE image is: engines refuse one for `wasi/wasm`, though any machine can run it. */
function platformOf(platform: Platform): Platform {
  const isMachine = platform.os === "linux" && !platform.architecture.startsWith("wasm");
  return isMachine ? platform : { os: "linux", architecture: "amd64" };
}

/** Entrypoint, then arguments; an image that only has a Cmd names its program there. */
function commandOf({ Entrypoint = [], Cmd = [] }: ImageConfig): [string[], string[]] {
  return Entrypoint.length > 0 ? [[...Entrypoint], [...Cmd]] : [Cmd.slice(0, 1), Cmd.slice(1)];
}

function queryOf({ entrypoint, cwd }: EnclaveManifest): { name: string | undefined; cwd: string; searchPath: string } {
  return { name: entrypoint[0], cwd, searchPath: "" };
}

/**
 * What an engine makes a process of that fits the manifest. There are no names of users in a TEE image's root file system,
 * and no volumes: the application would not see them.
 */
function configOf(manifest: EnclaveManifest, config: ImageConfig, args: readonly string[]): ImageConfig {
  const { Env, ExposedPorts, Labels, StopSignal } = config;
  const fixed = Object.entries(manifest.env.fixed).map(([name, value]) => `${name}=${value}`);
  const outside = (Env ?? []).filter((entry) => !Object.hasOwn(manifest.env.fixed, entry.split("=", 1)[0] ?? ""));
  return {
    User: `${manifest.user.uid}:${manifest.user.gid}`,
    Env: [...outside, ...fixed],
    Entrypoint: manifest.entrypoint,
    Cmd: "fixed" in manifest.args ? manifest.args.fixed : args,
    WorkingDir: manifest.cwd,
    ...(ExposedPorts === undefined ? {} : { ExposedPorts }),
    ...(Labels === undefined ? {} : { Labels }),
    ...(StopSignal === undefined ? {} : { StopSignal }),
  };
}

/** When the image says it was made; undefined when it does not, or not as a date. */
export function createdOf({ document }: OpenedImage): Date | undefined {
  const { created } = document;
  const date = typeof created === "string" ? new Date(created) : undefined;
  const year = date?.getUTCFullYear() ?? Number.NaN;
  return date !== undefined && year >= 1 && year <= 9999 ? date : undefined;
}
