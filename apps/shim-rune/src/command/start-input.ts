import { any, type Any, typeName } from "../messages/common.ts";
import { type BootstrapParams, bootstrapParams } from "../messages/bootstrap.ts";

/** What `start` got on standard input. */
export interface StartInput {
  /** The runtime options, where there are any. */
  readonly options: Any | undefined;
  /** Set where containerd is 2.3 or later. */
  readonly bootstrap: BootstrapParams | undefined;
}

/**
 * Reads standard input of `start`: nothing, an Any with the options (up to containerd 2.2), or BootstrapParams (from 2.3).
 * Either often decodes as the other, so it is BootstrapParams only if it names this container and namespace. Options are
 * never required: what cannot be read is taken for none.
 */
export function decodeStartInput(input: Uint8Array, id: string, namespace: string): StartInput {
  const bootstrap = attempt(() => bootstrapParams.decode(input));
  if (bootstrap !== undefined && bootstrap.instanceId === id && bootstrap.namespace === namespace) {
    const values = bootstrap.extensions.flatMap(({ value }) => (value === undefined ? [] : [value]));
    return { options: values.find((value) => OPTIONS.includes(typeName(value))), bootstrap };
  }
  const options = input.length === 0 ? undefined : attempt(() => any.decode(input));
  return { options: options?.typeUrl === "" ? undefined : options, bootstrap: undefined };
}

/** The message types that options of a container come in. */
export const OPTIONS: readonly string[] = ["containerd.runc.v1.Options", "runtimeoptions.v1.Options"];

function attempt<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
