import { type Asked, isSandbox } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";
import { bundleOf } from "../bundle.ts";
import { isOurs } from "../dispatch.ts";
import { handOver } from "../handover.ts";
import { preservedDescriptors } from "../descriptors.ts";
import { isOn, lastValue, type ParsedFlags } from "../parse.ts";
import { forwardSignalNumbers } from "../signals.ts";
import { type Command, type CommandContext, onlyId } from "./command.ts";

/** `create` and `run`. A plain container goes on to runc, unless the operator requires enclaves. */
export const createOrRun: Command = async (context, flags) => {
  const { lifecycle, engine, invocation } = context;
  const asked = readAsked(context, flags);
  if (asked === undefined) return await handOver(context);
  if (process.geteuid?.() !== 0)
    throw new InclavareError("ERR_PRIVILEGE", "an enclave container needs root; only plain ones can be rootless");
  const command = invocation.command ?? "";
  const options = { ...createOptions(flags), id: onlyId(command, flags) };
  if (command === "create") {
    await lifecycle.createContainer(engine, options, asked);
    return 0;
  }
  const run = {
    detach: isOn(flags, "detach"),
    keep: isOn(flags, "keep"),
    noSubreaper: isOn(flags, "no-subreaper"),
    forwardSignals: forwardSignalNumbers,
  };
  return await lifecycle.runContainer(engine, { ...options, ...run }, asked);
};

/**
 * What the bundle asks for; undefined for a plain container that may be one.
 * @throws ERR_ENCLAVE_REQUIRED, ERR_CONTAINER_EXISTS for the id of an enclave container, ERR_OCI_*, ERR_REQUEST_*
 */
export function readAsked(context: CommandContext, flags: ParsedFlags): Asked | undefined {
  const { requireEnclave, defaultEnclave } = context.config.rune;
  const { outline, asked } = context.lifecycle.readRequest(bundleOf(flags), defaultEnclave);
  if (asked !== undefined) return asked;
  if (flags.positionals.some((id) => isOurs(context, id)))
    throw new InclavareError("ERR_CONTAINER_EXISTS", "container with given ID already exists");
  if (!requireEnclave || isSandbox(outline)) return undefined;
  throw new InclavareError(
    "ERR_ENCLAVE_REQUIRED",
    "the configuration says require_enclave, and the container asks for no enclave (enclave.type)",
  );
}

function createOptions(flags: ParsedFlags) {
  return {
    bundle: bundleOf(flags),
    ...optional("pidFile", lastValue(flags, "pid-file")),
    ...optional("consoleSocket", lastValue(flags, "console-socket")),
    ...optional("pidfdSocket", lastValue(flags, "pidfd-socket")),
    noPivot: isOn(flags, "no-pivot"),
    noNewKeyring: isOn(flags, "no-new-keyring"),
    preservedDescriptors: preservedDescriptors(flags),
  };
}

/** A member that is there only with a value. */
export function optional<K extends string>(key: K, value: string | undefined): { readonly [P in K]?: string } {
  return value === undefined || value === "" ? {} : ({ [key]: value } as { readonly [P in K]: string });
}
