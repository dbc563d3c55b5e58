import type { Lifecycle, LifecycleEngine } from "@inclavare/container";
import { InclavareError } from "@inclavare/errors";
import type { Context } from "../context.ts";
import type { ParsedFlags } from "../parse.ts";

/** The lifecycle functions are loaded only for enclave containers. */
export interface CommandContext extends Context {
  readonly lifecycle: Lifecycle;
  readonly engine: LifecycleEngine;
}

/** @returns the exit code */
export type Command = (context: CommandContext, flags: ParsedFlags) => Promise<number>;

/** Throws for what cannot be right, in runc's words. */
export function assertFlags(flags: ParsedFlags): void {
  const [problem] = flags.problems;
  if (problem !== undefined) throw usage(problem);
}

export function onlyId(command: string, flags: ParsedFlags): string {
  assertFlags(flags);
  const [id, ...surplus] = flags.positionals;
  if (id === undefined || surplus.length > 0) throw usage(`rune: "${command}" requires exactly 1 argument(s)`);
  return id;
}

export function usage(message: string): InclavareError {
  return new InclavareError("ERR_USAGE", message);
}
