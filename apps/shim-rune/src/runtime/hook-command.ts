import { dirname, join } from "node:path";
import { installation } from "@inclavare/container";

/** The command of rune that runs a lifecycle hook of an enclave container; see apps/rune/src/hook.ts. */
export function hookCommand(): readonly [string, ...string[]] {
  const library = dirname(installation().payload);
  const node = join(library, "node");
  return [node, "--disable-warning=ExperimentalWarning", join(library, "rune.mjs"), "inclavare-hook"];
}
