import { existsSync } from "node:fs";
import { InclavareError } from "@inclavare/errors";
import type { Config } from "./config.ts";
import { type EnclaveRequest, isBuiltInRuntime, type TeeType } from "./request.ts";

/** What this release runs; everything else is refused with its reason. */
export const SUPPORTED_TYPES: readonly TeeType[] = ["simulated", "intelSgx"];
/** Beside PAL libraries. */
export const SUPPORTED_RUNTIMES: readonly string[] = ["wasm"];

/** Asks the machine whether a path exists; a parameter, so that tests can have another machine. */
export type Probe = (path: string) => boolean;

/** Device nodes of which one must be there before a TEE can be used at all. */
const DEVICES: Readonly<Record<Exclude<TeeType, "simulated">, readonly string[]>> = {
  intelSgx: ["/dev/sgx_enclave", "/dev/sgx/enclave", "/dev/isgx"],
  intelTdx: ["/dev/tdx_guest", "/dev/tdx-guest"],
  amdSevSnp: ["/dev/sev-guest"],
};

/**
 * Compares a request with the machine and the operator's configuration. Nothing is ever downgraded: what cannot be done
 * is refused with its reason.
 * @throws ERR_TEE_UNAVAILABLE, ERR_RUNTIME_UNSUITABLE, ERR_RUNTIME_NOT_ALLOWED, ERR_REQUEST_UNSUPPORTED
 */
export function assertPossible(request: EnclaveRequest, config: Config, exists: Probe = existsSync): void {
  const { type, runtime } = request;
  const builtIn = isBuiltInRuntime(runtime);
  if (type === "intelSgx" && builtIn) {
    throw new InclavareError(
      "ERR_RUNTIME_UNSUITABLE",
      `the built-in runtime ${runtime} does not run on intelSgx: its engine and init-runelet are not inside the SGX ` +
        "enclave; intelSgx needs a PAL library whose code is (enclave.runtime.path=/path/of/liberpal-*.so)",
    );
  }
  if (type !== "simulated" && !DEVICES[type].some(exists)) {
    throw new InclavareError(
      "ERR_TEE_UNAVAILABLE",
      `this machine has no ${type}: none of ${DEVICES[type].join(", ")} exists`,
    );
  }
  if (!builtIn && !config.rune.pals.includes(runtime)) {
    throw new InclavareError(
      "ERR_RUNTIME_NOT_ALLOWED",
      `the configuration does not list ${runtime} under [rune] pals, which has ${config.rune.pals.length} entries`,
    );
  }
  if (!SUPPORTED_TYPES.includes(type) || (builtIn && !SUPPORTED_RUNTIMES.includes(runtime))) {
    throw new InclavareError(
      "ERR_REQUEST_UNSUPPORTED",
      `${type} with runtime ${runtime} is not part of this release, which runs the built-in wasm runtime on the ` +
        "simulated TEE, and PAL libraries on intelSgx and the simulated TEE",
    );
  }
}
