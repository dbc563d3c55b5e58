import { InclavareError } from "@inclavare/errors";
import type { RuntimeSpec } from "@inclavare/oci";
import type { HostFiles } from "./host-files.ts";
import type { EnclaveRequest } from "./request.ts";

/** cgroup-v2.rst, Misc: what the machine has of each resource, and the file of a cgroup that limits it. */
const CAPACITY = "/sys/fs/cgroup/misc.capacity";
const LIMIT_FILE = "misc.max";
const EPC = "sgx_epc";

/**
 * The cgroup files that keep a container's enclave memory below `enclave.epc.limit`; none where it has no such limit. runc
 * writes them with version 2 of cgroups alone.
 * @throws ERR_EPC_LIMIT where the kernel could not keep it, ERR_REQUEST_CONTRADICTION with a limit of the caller's own
 */
export function epcLimit(
  { epcLimitBytes }: EnclaveRequest,
  spec: RuntimeSpec,
  files: HostFiles,
): Readonly<Record<string, string>> {
  if (epcLimitBytes === undefined) return {};
  const capacity = epcCapacity(files.read(CAPACITY) ?? "");
  if (capacity === undefined) {
    throw new InclavareError(
      "ERR_EPC_LIMIT",
      `the kernel does not limit enclave memory: expected ${EPC} in ${CAPACITY} (cgroup version 2, controller misc)`,
    );
  }
  if (epcLimitBytes > capacity) {
    throw new InclavareError(
      "ERR_EPC_LIMIT",
      `enclave.epc.limit is ${epcLimitBytes} bytes, the machine has ${capacity} of enclave memory`,
      { details: { limit: epcLimitBytes, capacity } },
    );
  }
  const own = spec.linux?.resources?.unified?.[LIMIT_FILE];
  if (own !== undefined) {
    throw new InclavareError(
      "ERR_REQUEST_CONTRADICTION",
      `enclave.epc.limit is there, and linux.resources.unified has ${LIMIT_FILE} as well`,
    );
  }
  return { [LIMIT_FILE]: `${EPC} ${epcLimitBytes}` };
}

/** One resource a line: a name and how much of it there is. */
function epcCapacity(text: string): number | undefined {
  const words = text.split("\n").map((line) => line.trim().split(/\s+/u));
  const amount = words.find(([name]) => name === EPC)?.[1];
  return amount === undefined || !/^\d+$/u.test(amount) ? undefined : Number(amount);
}
