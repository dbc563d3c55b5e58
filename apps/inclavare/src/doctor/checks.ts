import { DEFAULT_CONFIG_PATH, findProgram } from "@inclavare/container";
import { verifyPayload } from "@inclavare/enclave-image";
import { formatOneLine, isInclavareError } from "@inclavare/errors";
import { type Check, fail, pass, warn } from "./check.ts";
import { containerd } from "./containerd.ts";

const NODE_MAJOR = 24;
/** The oldest runc that the project is tested with. */
const RUNC_LEAST = [1, 1, 0] as const;
const COMMAND_DEADLINE_MS = 5_000;
const CONNECT_DEADLINE_MS = 2_000;
const NAMESPACES = ["mnt", "pid", "net", "ipc", "uts"];
const DEVICES: readonly (readonly [path: string, tee: string])[] = [
  ["/dev/sgx_enclave", "Intel SGX"],
  ["/dev/sgx/enclave", "Intel SGX (old driver)"],
  ["/dev/isgx", "Intel SGX (old driver)"],
  ["/dev/tdx_guest", "Intel TDX guest"],
  ["/dev/tdx-guest", "Intel TDX guest (old driver)"],
  ["/dev/sev-guest", "AMD SEV-SNP guest"],
];
const TSM_REPORTS = "/sys/kernel/config/tsm/report";

const node: Check = ({ machine: { nodeVersion } }) => {
  const major = Number(/^v(\d+)\./u.exec(nodeVersion)?.[1]);
  if (major >= NODE_MAJOR) return pass("node", `Node.js ${nodeVersion}`);
  return fail("node", `Node.js ${nodeVersion}`, `use Node.js ${NODE_MAJOR} or newer; make setup brings the pinned one`);
};

const root: Check = ({ machine: { uid } }) =>
  uid === 0
    ? pass("root", "running as root")
    : warn("root", `running as user ${uid}`, "enclave containers are made by root; some checks see less without it");

const runc: Check = ({ machine, config: { rune } }) => {
  let program: string;
  let output: string;
  try {
    program = findProgram(rune.runtime, machine.searchPath);
    output = machine.run(program, ["--version"], COMMAND_DEADLINE_MS);
  } catch (error) {
    return fail("runc", formatOneLine(error), "install runc (apt-get install runc), or set [rune] runtime");
  }
  const version = /^runc version (\d+)\.(\d+)\.(\d+)\S*/mu.exec(output);
  if (version === null) {
    return warn("runc", `${program} does not say that it is runc`, "other runtimes are not tested; set [rune] runtime");
  }
  const found = version.slice(1, 4).map(Number);
  const isOld = RUNC_LEAST.some(
    (least, index) => (found[index] ?? 0) < least && RUNC_LEAST.slice(0, index).every((part, at) => found[at] === part),
  );
  if (!isOld) return pass("runc", `${program}: ${version[0]}`);
  return warn("runc", `${program}: ${version[0]}`, `upgrade runc to ${RUNC_LEAST.join(".")} or newer`);
};

const cgroup: Check = ({ machine }) => {
  if (machine.exists("/sys/fs/cgroup/cgroup.controllers")) return pass("cgroup", "version 2 at /sys/fs/cgroup");
  if (machine.exists("/sys/fs/cgroup/memory")) return pass("cgroup", "version 1 at /sys/fs/cgroup");
  return fail("cgroup", "no cgroups at /sys/fs/cgroup", "mount them: mount -t cgroup2 none /sys/fs/cgroup");
};

const namespaces: Check = ({ machine }) => {
  const missing = NAMESPACES.filter((name) => !machine.exists(`/proc/self/ns/${name}`));
  if (missing.length === 0) return pass("namespaces", NAMESPACES.join(", "));
  return fail(
    "namespaces",
    `the kernel has no ${missing.join(", ")}`,
    "use a kernel with CONFIG_NAMESPACES, /proc mounted",
  );
};

const devices: Check = ({ machine }) => {
  const found = DEVICES.filter(([path]) => machine.exists(path)).map(([path, tee]) => `${tee} at ${path}`);
  if (found.length > 0) return pass("tee-devices", found.join(", "));
  return warn(
    "tee-devices",
    "this machine has no TEE; only simulated enclaves run, and no default policy accepts their evidence",
    "for development nothing is needed; otherwise enable SGX, TDX or SEV-SNP in firmware and kernel",
  );
};

const tsm: Check = ({ machine }) => {
  if (machine.exists(TSM_REPORTS)) return pass("configfs-tsm", TSM_REPORTS);
  return warn(
    "configfs-tsm",
    `no ${TSM_REPORTS}: evidence of TDX and SEV-SNP cannot be made here`,
    "in a TDX or SEV-SNP guest: a kernel from 6.7 on, mount -t configfs none /sys/kernel/config",
  );
};

const payload: Check = ({ config: { rune } }) => {
  try {
    const { release, architecture, files } = verifyPayload(rune.payload);
    return pass("payload", `${rune.payload}: release ${release} for ${architecture}, ${files.length} files intact`);
  } catch (error) {
    const isMissing = isInclavareError(error, "ERR_PAYLOAD_MISSING");
    const fix = isMissing
      ? "make install, or set [rune] payload"
      : "install again: containers would not be what was measured";
    return fail("payload", formatOneLine(error), fix);
  }
};

const attesterd: Check = ({ machine, config: { attesterd: settings } }) => {
  try {
    machine.connect(settings.socket, CONNECT_DEADLINE_MS);
    return pass("attesterd", `answers at ${settings.socket}`);
  } catch (error) {
    return fail(
      "attesterd",
      `does not answer at ${settings.socket}: ${formatOneLine(error)}`,
      "systemctl start attesterd, or by hand: attesterd init (once), attesterd serve",
    );
  }
};

/** In the order in which somebody would look. */
export const CHECKS: readonly Check[] = [
  node,
  root,
  runc,
  cgroup,
  namespaces,
  devices,
  tsm,
  payload,
  attesterd,
  containerd,
];

/** For the configuration, which is read before everything else. */
export const CONFIG_FIX = `correct ${DEFAULT_CONFIG_PATH}, or the file that INCLAVARE_CONFIG names`;
