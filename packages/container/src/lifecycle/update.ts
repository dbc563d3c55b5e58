import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { formatRuntimeSpec, parseResources } from "@inclavare/oci";
import { assertLimits, parseSize } from "../limits.ts";
import { mustRunc } from "../runc.ts";
import { type Engine, pathsOf, SHORT_MS } from "./engine.ts";
import { randomUuid } from "../random-uuid.ts";

/** What `update` is told. */
export interface UpdateOptions {
  /** runc's own flags, without `--resources`. */
  readonly flags: readonly string[];
  /** Value of `--pids-limit`; 0: no change. */
  readonly pidsLimit?: number;
  /** Value of `--memory`, as it is written. */
  readonly memory?: string;
  /** The resources as JSON, and where they come from. */
  readonly resources?: { readonly text: Uint8Array; readonly what: string };
}

/**
 * Changes the limits of a container, init-runelet included, which needs some room itself.
 * @throws ERR_OCI_SPEC, ERR_PIDS_LIMIT, ERR_MEMORY_LIMIT, ERR_RUNC
 */
export async function updateContainer(engine: Engine, id: string, options: UpdateOptions): Promise<void> {
  const { flags, pidsLimit = 0, memory = "", resources } = options;
  const file = join(pathsOf(engine, id).directory, `update-${randomUuid()}.json`);
  try {
    if (resources === undefined) assertLimits({ pids: { limit: pidsLimit }, memory: { limit: parseSize(memory) } });
    else {
      const parsed = parseResources(resources.text, resources.what);
      assertLimits(parsed);
      writeFileSync(file, formatRuntimeSpec(parsed), { mode: 0o600 });
    }
    const named = resources === undefined ? [] : ["--resources", file];
    await mustRunc(engine.runc, { args: ["update", ...named, ...flags, id], deadlineMs: SHORT_MS });
  } finally {
    rmSync(file, { force: true });
  }
}
