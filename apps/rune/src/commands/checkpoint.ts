import { InclavareError } from "@inclavare/errors";
import type { Command } from "./command.ts";
import { readAsked } from "./create.ts";
import { isOurs } from "../dispatch.ts";
import { handOver } from "../handover.ts";

/** `checkpoint` of an enclave container. */
export const checkpoint: Command = async () => {
  throw refusal("checkpointed");
};

/** `restore`, of a bundle that asks for an enclave or under the id of an enclave container; else it is runc's. */
export const restore: Command = async (context, flags) => {
  const isOfEnclave = flags.positionals.some((id) => isOurs(context, id)) || readAsked(context, flags) !== undefined;
  if (!isOfEnclave) return await handOver(context);
  throw refusal("restored");
};

function refusal(what: string): InclavareError {
  return new InclavareError(
    "ERR_CHECKPOINT_UNSUPPORTED",
    `an enclave container cannot be ${what}: the enclave's memory and keys do not leave it, and its evidence is for the ` +
      "enclave that was launched",
  );
}
