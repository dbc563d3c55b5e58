import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import {
  defaultSpec,
  extractTree,
  fillDirectory,
  flattenLayers,
  formatRuntimeSpec,
  openImage,
  type RuntimeSpec,
} from "@inclavare/oci";
import { pathOf, type ReadOptions, readTeeImage, type TeeContents } from "./contents.ts";
import { SIGSTRUCT_FILE } from "../constants.ts";

/**
 * Unpacks a signed TEE image to an OCI bundle that asks for the simulated TEE, ready for `rune run`. The bundle appears
 * complete or not at all.
 * @throws ERR_IMAGE_UNSIGNED, ERR_IMAGE_NOT_TEE, ERR_OCI_TARGET_EXISTS unless the directory is missing or empty, ERR_OCI_*,
 * ERR_FILE
 */
export async function writeBundle(path: string, bundleDirectory: string, options: ReadOptions = {}): Promise<void> {
  const contents = await readTeeImage(path, options);
  if (contents.sigstruct === undefined) {
    throw new InclavareError("ERR_IMAGE_UNSIGNED", `${path} is not signed, it has no ${pathOf(SIGSTRUCT_FILE)}`);
  }
  await fillDirectory(bundleDirectory, async (temporary) => {
    await using image = await openImage(path, options);
    await using tree = await flattenLayers(image);
    await extractTree(tree, join(temporary, "rootfs"));
    await writeFile(join(temporary, "config.json"), `${formatRuntimeSpec(specOf(contents))}\n`, { mode: 0o644 });
    await chmod(temporary, 0o755);
  });
}

function specOf({ manifest, config }: TeeContents): RuntimeSpec {
  const spec = defaultSpec();
  return {
    ...spec,
    process: {
      ...spec.process,
      terminal: false,
      user: manifest.user,
      args: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])],
      env: [...(config.Env ?? [])],
      cwd: manifest.cwd,
    },
    hostname: manifest.workload.slice(0, 63),
    annotations: { "enclave.type": "simulated", "enclave.runtime.path": manifest.runtime },
  };
}
