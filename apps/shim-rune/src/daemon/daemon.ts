import { readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import { createServer as createSocketServer, type Server } from "node:net";
import { join } from "node:path";
import type { Config } from "@inclavare/container";
import { formatOneLine } from "@inclavare/errors";
import { setChildSubreaper } from "@inclavare/linux";
import { createServer } from "@inclavare/ttrpc";
import type { ShimFlags } from "../command/flags.ts";
import { EventPublisher } from "../events/publisher.ts";
import type { ShimFacts } from "../metrics/shim-metrics.ts";
import type { RunningMetrics } from "../metrics/start.ts";
import { statusOf } from "../task/errors.ts";
import { observeServices } from "../task/observe.ts";
import { taskServices } from "../task/service.ts";
import { Tasks } from "../task/tasks.ts";
import { watchIdle } from "./idle.ts";
import { Joins } from "./joins.ts";
import { leave } from "./leave.ts";
import { Log } from "./log.ts";
import { giveBackMemory } from "./memory.ts";
import { reapOrphans } from "./orphans.ts";

/** The listening socket that `start` has made. */
const LISTENER = 3;
/** The FIFO of the bundle that containerd copies to its own log. */
const LOG = 2;
const CLOSE_MS = 2_000;
const FLUSH_MS = 5_000;

export interface DaemonContext {
  readonly flags: ShimFlags;
  readonly env: NodeJS.ProcessEnv;
  readonly config: Config;
  readonly bundle: string;
  readonly version: string;
  readonly revision: string;
}

/** Serves containerd until it says that the shim may go. */
export async function runDaemon({ flags, env, config, bundle, version, revision }: DaemonContext): Promise<void> {
  const now = (): Date => new Date();
  const log = new Log({ descriptor: LOG, debug: flags.debug, now });
  process.on("uncaughtException", (error) => log.write("error", `unexpected: ${error.stack ?? String(error)}`));
  process.on("unhandledRejection", (reason) => log.write("error", `unexpected: ${String(reason)}`));
  const socket = socketPath(bundle);
  process.chdir("/"); // the bundle goes before we do
  setChildSubreaper(true);
  process.title = `containerd-shim-rune-v2 -namespace ${flags.namespace} -id ${flags.id} -address ${flags.address}`;
  const { namespace } = flags;
  let measured: RunningMetrics | undefined;
  const published = (name: string, event: object): void => {
    if (name === "TaskExit") measured?.metrics.exited((event as { readonly exitStatus?: number }).exitStatus ?? 0);
  };
  const publisher = new EventPublisher({ address: env["TTRPC_ADDRESS"] ?? "", namespace, log, now, published });
  const ended = Promise.withResolvers<string>();
  const runtimes = { config, namespace, path: env["PATH"], log };
  const joins = new Joins();
  let isLeaving = false;
  const shutdown = (): void => {
    if (isLeaving) return;
    isLeaving = true;
    const isEmpty = (): boolean => tasks.isEmpty;
    const left = leave({ socket, joins, isEmpty, listen }).catch((error: unknown) => {
      log.write("error", `cannot listen again: ${formatOneLine(error)}`);
      return isEmpty();
    });
    void left.then((hasLeft) => {
      isLeaving = false;
      if (hasLeft) ended.resolve("containerd is done with it");
    });
  };
  const tasks = new Tasks({ namespace, publisher, log, now, version, runtimes, shutdown });
  const orphans = reapOrphans({ isKnown: (pid) => tasks.pids.has(pid), isBusy: () => tasks.isMaking });
  const memory = giveBackMemory();
  // A containerd that came back may hold a connection for a container that was never made, and never ask for it.
  const idle = watchIdle(
    () => !tasks.isEmpty,
    () => ended.resolve("nobody needs it"),
  );
  if (config.metrics !== undefined) {
    const facts = { version, revision, namespace, id: flags.id };
    const counts = { containers: () => tasks.size, processes: () => tasks.pids.size };
    measured = await measure(config.metrics.folder, { ...facts, ...counts }, log);
  }
  const services = observeServices(taskServices(tasks, idle.touch), log, measured?.metrics.called);
  const server = createServer({ services, statusOf });
  const listen = (descriptor: number): Server => {
    const listener = createSocketServer();
    server.listen(listener);
    listener.on("connection", (connection) => {
      idle.touch();
      joins.watch(connection);
    });
    return listener.listen({ fd: descriptor });
  };
  await once(listen(LISTENER), "listening");
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => ended.resolve(signal));

  const reason = await ended.promise;
  log.write("debug", `the shim ends: ${reason}`);
  idle.close();
  // First out of sight, so that nobody joins a shim that ends.
  rmSync(socket, { force: true });
  await server.close({ deadlineMs: CLOSE_MS });
  await publisher.close(FLUSH_MS);
  orphans.close();
  memory.close();
  measured?.close();
  process.exit(0);
}

/** Metrics are loaded only when somebody wants them; that they cannot be had is no reason not to run containers. */
async function measure(folder: string, facts: ShimFacts, log: Log): Promise<RunningMetrics | undefined> {
  try {
    const { startMetrics } = await import("../metrics/start.ts");
    return await startMetrics(folder, facts);
  } catch (error) {
    log.write("warning", `there are no metrics: ${formatOneLine(error)}`);
    return undefined;
  }
}

/** As `start` wrote it before it started us. */
function socketPath(bundle: string): string {
  return readFileSync(join(bundle, "address"), "utf8")
    .trim()
    .replace(/^unix:\/\//u, "");
}
