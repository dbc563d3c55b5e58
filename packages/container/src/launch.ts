import { closeSync } from "node:fs";
import {
  type EnclaveIdentity,
  launchRequest,
  measureRequest,
  parseLaunchAnswer,
  parseMeasureAnswer,
} from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import { connectUnix, requestSync } from "@inclavare/linux";

const CONNECT_DEADLINE_MS = 5_000;
/** Measuring a payload for the first time takes a good part of a second, a large image longer. */
const LAUNCH_DEADLINE_MS = 120_000;

/** A launched enclave: what attesterd measured, and the connection that is this container's alone. */
export interface LaunchedContainer {
  readonly identity: EnclaveIdentity;
  /** A blocking descriptor on which not a byte too many was read; it becomes init-runelet's. The caller closes it. */
  readonly descriptor: number;
}

/**
 * Lets attesterd measure a container and initialise its enclave.
 * @param enclaveDirectory host path of the folder with manifest, application image and SIGSTRUCT.
 * @throws ERR_ATTESTERD_UNREACHABLE, and attesterd's own refusals (a SIGSTRUCT that does not fit, for one)
 */
export function launchEnclave(socketPath: string, container: string, enclaveDirectory: string): LaunchedContainer {
  const descriptor = connect(socketPath);
  try {
    const answer = requestSync(descriptor, launchRequest({ container, enclaveDirectory }), {
      timeoutMs: LAUNCH_DEADLINE_MS,
    });
    return { identity: parseLaunchAnswer(answer), descriptor };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * Lets attesterd measure an enclave that is not signed yet: it keeps the payload's part of the hash, which would take
 * this process a good part of a second.
 * @returns MRENCLAVE
 */
export function measureEnclave(socketPath: string, enclaveDirectory: string): Uint8Array {
  const descriptor = connect(socketPath);
  try {
    return parseMeasureAnswer(
      requestSync(descriptor, measureRequest(enclaveDirectory), { timeoutMs: LAUNCH_DEADLINE_MS }),
    );
  } finally {
    closeSync(descriptor);
  }
}

function connect(path: string): number {
  try {
    return connectUnix(path, { timeoutMs: CONNECT_DEADLINE_MS });
  } catch (cause) {
    throw new InclavareError(
      "ERR_ATTESTERD_UNREACHABLE",
      `attesterd does not answer at ${path}; start it with \`systemctl start attesterd\`, or by hand with ` +
        "`attesterd serve` (before its first start: `attesterd init`)",
      { cause },
    );
  }
}
