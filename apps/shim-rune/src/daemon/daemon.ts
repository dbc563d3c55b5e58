import { readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import type { Config } from "@inclavare/container";
import { setChildSubreaper } from "@inclavare/linux";
import { createServer } from "@inclavare/ttrpc";
import type { ShimFlags } from "../command/flags.ts";
import { EventPublisher } from "../events/publisher.ts";
import { statusOf } from "../task/errors.ts";
import { taskServices } from "../task/service.ts";
import { Tasks } from "../task/tasks.ts";
import { Log } from "./log.ts";
import { giveBackMemory } from "./memory.ts";
import { reapOrphans } from "./orphans.ts";

/** The listening socket that `start` has made. */
const LISTENER = 3;
/** The FIFO of the bundle that containerd copies to its own log. */
const LOG = 2;
const CLOSE_MS = 2_000;
const FLUSH_MS = 5_000;
/** Nobody has made a container and nobody is connected: whoever started us is gone. */
const ABANDONED_MS = 120_000;

export interface DaemonContext {
  readonly flags: ShimFlags;
  readonly env: NodeJS.ProcessEnv;
  readonly config: Config;
  readonly bundle: string;
  readonly version: string;
}

/** Serves containerd until it says that the shim may go. */
export async function runDaemon({ flags, env, config, bundle, version }: DaemonContext): Promise<void> {
  const now = (): Date => new Date();
  const log = new Log({ descriptor: LOG, debug: flags.debug, now });
  process.on("uncaughtException", (error) => log.write("error", `unexpected: ${error.stack ?? String(error)}`));
  process.on("unhandledRejection", (reason) => log.write("error", `unexpected: ${String(reason)}`));
  const socket = socketPath(bundle);
  process.chdir("/"); // the bundle goes before we do
  setChildSubreaper(true);
  process.title = `containerd-shim-rune-v2 -namespace ${flags.namespace} -id ${flags.id} -address ${flags.address}`;
  const { namespace } = flags;
  const publisher = new EventPublisher({ address: env["TTRPC_ADDRESS"] ?? "", namespace, log, now });
  const ended = Promise.withResolvers<string>();
  const runtimes = { config, namespace, path: env["PATH"], log };
  const shutdown = (): void => ended.resolve("containerd is done with it");
  const tasks = new Tasks({ namespace, publisher, log, now, version, runtimes, shutdown });
  const orphans = reapOrphans({ isKnown: (pid) => tasks.pids.has(pid), isBusy: () => tasks.isMaking });
  const memory = giveBackMemory();
  const server = createServer({ services: taskServices(tasks), statusOf });
  const listener = createSocketServer();
  server.listen(listener);
  listener.listen({ fd: LISTENER });
  await once(listener, "listening");
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ended.resolve(signal));
  const abandoned = setInterval(() => {
    if (tasks.isEmpty && server.connections === 0) ended.resolve("nobody needs it");
  }, ABANDONED_MS);

  const reason = await ended.promise;
  log.write("debug", `the shim ends: ${reason}`);
  clearInterval(abandoned);
  // First out of sight, so that nobody joins a shim that ends.
  rmSync(socket, { force: true });
  await server.close({ deadlineMs: CLOSE_MS });
  await publisher.close(FLUSH_MS);
  orphans.close();
  memory.close();
  process.exit(0);
}

/** As `start` wrote it before it started us. */
function socketPath(bundle: string): string {
  return readFileSync(join(bundle, "address"), "utf8")
    .trim()
    .replace(/^unix:\/\//u, "");
}
