import { parseArgs } from "node:util";
import { InclavareError } from "@inclavare/errors";

/** The descriptors that rune bound, opened or connected on the host and that this process inherited. */
export interface Descriptors {
  /** A listening Unix socket: requests of rune. */
  readonly control: number;
  /** A connection to attesterd, on which it has launched this container; absent where it does not measure the enclave. */
  readonly attester?: number;
  /** A listening Unix socket: Enclave-TLS for Inclavared and the verifiers behind it. */
  readonly attest?: number;
  /** A file of rune's, for the last call of a PAL library that crashes. */
  readonly crash?: number;
}

export interface Arguments {
  readonly descriptors: Descriptors;
  /** The enclave runtime that will be asked for, so that it can be warmed up. */
  readonly runtime: string;
}

/** Reads `--runtime=NAME --control-fd=N [--attester-fd=N] [--attest-fd=N] [--crash-fd=N]`. @throws ERR_USAGE */
export function parseArguments(argv: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      runtime: { type: "string" },
      "control-fd": { type: "string" },
      "attester-fd": { type: "string" },
      "attest-fd": { type: "string" },
      "crash-fd": { type: "string" },
    },
  });
  const optional = (name: "attester" | "attest" | "crash"): Partial<Record<typeof name, number>> => {
    const value = values[`${name}-fd`];
    return value === undefined ? {} : { [name]: parseDescriptor(`--${name}-fd`, value) };
  };
  return {
    runtime: values.runtime ?? "",
    descriptors: {
      control: parseDescriptor("--control-fd", values["control-fd"]),
      ...optional("attester"),
      ...optional("attest"),
      ...optional("crash"),
    },
  };
}

function parseDescriptor(flag: string, value: string | undefined): number {
  const descriptor = Number(value);
  if (value === undefined || !Number.isSafeInteger(descriptor) || descriptor < 3) {
    throw new InclavareError("ERR_USAGE", `${flag} is ${value ?? "missing"}, expected a descriptor from 3 on`);
  }
  return descriptor;
}
