import { createHash } from "node:crypto";
import { readdirSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { serveMetrics } from "./endpoint.ts";
import { type ShimFacts, ShimMetrics } from "./shim-metrics.ts";

const SOCKET = /^shim-[0-9a-f]{16}\.sock$/u;
const CONNECT_MS = 1_000;

/** Metrics that are being kept, and can be fetched. */
export interface RunningMetrics {
  readonly metrics: ShimMetrics;
  readonly close: () => void;
}

/**
 * Begins to keep metrics, and serves them at a socket in the folder: `shim-HASH.sock`, of namespace and id. Sockets of shims
 * that were killed are taken away.
 * @throws ERR_FILE
 */
export async function startMetrics(folder: string, facts: ShimFacts): Promise<RunningMetrics> {
  const metrics = new ShimMetrics(facts);
  const hash = createHash("sha256").update(`${facts.namespace}/${facts.id}`).digest("hex").slice(0, 16);
  const endpoint = await serveMetrics(join(folder, `shim-${hash}.sock`), () => metrics.render());
  for (const name of readdirSync(folder)) if (SOCKET.test(name)) removeIfDead(join(folder, name));
  return { metrics, close: () => endpoint.close() };
}

function removeIfDead(path: string): void {
  const socket = connect(path);
  socket.setTimeout(CONNECT_MS, () => socket.destroy());
  socket.once("connect", () => socket.destroy());
  socket.once("error", ({ code }: NodeJS.ErrnoException) => {
    if (code === "ECONNREFUSED") rmSync(path, { force: true });
  });
  socket.unref();
}
