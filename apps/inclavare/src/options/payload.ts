import { existsSync } from "node:fs";
import { join } from "node:path";
import { createMeasurer, type Measurer, PAYLOAD_INDEX_FILE } from "@inclavare/enclave-image";
import { installation } from "@inclavare/container";

export const payloadOption = {
  payload: {
    type: "string",
    value: "DIR",
    help: "payload of init-runelet, which is part of the measurement (default: the installed one)",
  },
} as const;

/** The folder that is named, or the one of this installation. */
export function payloadDirectory(named: string | undefined): string {
  return named ?? installation().payload;
}

/** Undefined where no payload was named and none is installed, so that only identities without a measurement are shown. */
export function optionalMeasurer(named: string | undefined): Measurer | undefined {
  const directory = payloadDirectory(named);
  const isThere = named !== undefined || existsSync(join(directory, PAYLOAD_INDEX_FILE));
  return isThere ? createMeasurer(directory) : undefined;
}
