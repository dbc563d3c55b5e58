import { parseArgs } from "node:util";
import { InclavareError } from "@inclavare/errors";

/** The descriptors that rune bound or connected on the host and that this process inherited. */
export interface Descriptors {
  /** A listening Unix socket: requests of rune. */
  readonly control: number;
  /** A connection to attesterd, on which it has launched this container. */
  readonly attester: number;
  /** A listening Unix socket: Enclave-TLS for Inclavared and the verifiers behind it. */
  readonly attest: number;
}

/** Reads `--control-fd=N --attester-fd=N --attest-fd=N`. */
export function parseDescriptors(argv: readonly string[]): Descriptors {
  const options = {
    "control-fd": { type: "string" },
    "attester-fd": { type: "string" },
    "attest-fd": { type: "string" },
  } as const;
  const { values } = parseArgs({ args: [...argv], options });
  return {
    control: parseDescriptor("--control-fd", values["control-fd"]),
    attester: parseDescriptor("--attester-fd", values["attester-fd"]),
    attest: parseDescriptor("--attest-fd", values["attest-fd"]),
  };
}

function parseDescriptor(flag: string, value: string | undefined): number {
  const descriptor = Number(value);
  if (value === undefined || !Number.isSafeInteger(descriptor) || descriptor < 3) {
    throw new InclavareError("ERR_USAGE", `${flag} is ${value ?? "missing"}, expected a descriptor from 3 on`);
  }
  return descriptor;
}
