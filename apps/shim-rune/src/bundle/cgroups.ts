import { cgroupFolders, readCgroupFacts, removeEmptyCgroups } from "@inclavare/container";
import { readSpec } from "../task/spec.ts";

/**
 * Removes cgroups of a container that the low-level runtime no longer knows of: it forgets them when it is killed between
 * making them and writing that down.
 */
export async function removeForgottenCgroups(bundle: string, id: string, systemd: boolean): Promise<void> {
  const cgroupsPath = readSpec(bundle).linux?.cgroupsPath;
  await removeEmptyCgroups(cgroupFolders(readCgroupFacts(), { id, cgroupsPath, systemd }));
}
