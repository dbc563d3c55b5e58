import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Config, isSandbox, loadLifecycle, mayAskForEnclave, type RuncLogEntry } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";
import type { Log } from "../daemon/log.ts";
import type { ShimOptions } from "../options.ts";
import { hookCommand } from "./hook-command.ts";
import { PlainRuntime } from "./plain.ts";
import type { Runtime } from "./runtime.ts";
import { runcOptions } from "./settings.ts";

export interface RuntimeContext {
  readonly config: Config;
  readonly namespace: string;
  readonly path: string | undefined;
  readonly log: Log;
}

/**
 * What makes a container, by what its bundle asks for. What only enclave containers need is loaded when the first of them
 * comes.
 * @throws ERR_ENCLAVE_REQUIRED, and whatever is wrong with a request for an enclave
 */
export async function chooseRuntime(context: RuntimeContext, bundle: string, options: ShimOptions): Promise<Runtime> {
  const { config, namespace, path, log } = context;
  const tell = ({ level, msg }: RuncLogEntry): void => log.write(level === "warning" ? "warning" : "debug", msg);
  const runc = runcOptions(config, options, { namespace, path, log: tell });
  const defaultEnclave = options.defaultEnclave ?? config.rune.defaultEnclave;
  const text = readFileSync(join(bundle, "config.json"), "utf8");
  if (!config.rune.requireEnclave && defaultEnclave === undefined && !mayAskForEnclave(text))
    return new PlainRuntime(runc);
  const lifecycle = await loadLifecycle();
  const { outline, asked } = lifecycle.readRequest(bundle, defaultEnclave);
  if (asked !== undefined) {
    const { EnclaveContainerRuntime } = await import("./enclave.ts");
    return new EnclaveContainerRuntime(lifecycle, { config, runc, hookCommand: hookCommand() }, asked);
  }
  if (!config.rune.requireEnclave || isSandbox(outline)) return new PlainRuntime(runc);
  throw new InclavareError(
    "ERR_ENCLAVE_REQUIRED",
    "the configuration says require_enclave, and the container asks for no enclave (enclave.type)",
  );
}
