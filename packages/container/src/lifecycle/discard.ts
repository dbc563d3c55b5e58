import { existsSync } from "node:fs";
import { join } from "node:path";
import { runRunc } from "../runc.ts";
import { removeEmptyCgroups } from "../cgroups.ts";
import { type Engine, LONG_MS, removeFolder, SHORT_MS } from "./engine.ts";
import type { Prepared } from "./prepare.ts";
import { parseState } from "./state.ts";

/**
 * Removes a container that did not come to life, or has ended, as far as it is there. Somebody else may have made a plain
 * container of the same id meanwhile, which made ours fail: runc's is ours only if it was made from our bundle.
 */
export async function discard(engine: Engine, prepared: Prepared): Promise<void> {
  const {
    record: { id, cgroups = [] },
    paths,
  } = prepared;
  prepared.releaseFiles();
  const folder = join(engine.runc.root, id);
  if (existsSync(folder) && (await isMadeFrom(engine, id, paths.bundle)))
    await runRunc(engine.runc, { args: ["delete", "--force", id], deadlineMs: LONG_MS }).catch(() => undefined);
  if (!existsSync(folder)) await removeEmptyCgroups(cgroups);
  removeFolder(paths);
}

async function isMadeFrom(engine: Engine, id: string, bundle: string): Promise<boolean> {
  try {
    const { code, stdout } = await runRunc(engine.runc, { args: ["state", id], deadlineMs: SHORT_MS });
    return code !== 0 || parseState(stdout).bundle === bundle; // a half-made one has no state, and is ours to clear
  } catch {
    return true;
  }
}
