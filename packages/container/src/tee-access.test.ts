import assert from "node:assert/strict";
import type { Stats } from "node:fs";
import { describe, it } from "node:test";
import { defaultSpec } from "@inclavare/oci";
import { type EnclaveRequest, type TeeType } from "./request.ts";
import { teeAccess } from "./tee-access.ts";

function asking(type: TeeType, more: Partial<EnclaveRequest> = {}): EnclaveRequest {
  return { type, runtime: "/pal.so", runtimeArgs: "", logLevel: "info", ...more };
}

/** A machine with these character devices (major, minor by path), the quoting service's folder, and text files. */
function machine(
  devices: Readonly<Record<string, readonly [number, number]>>,
  folders: readonly string[] = [],
  texts: Readonly<Record<string, string>> = {},
) {
  return {
    read: (path: string): string | undefined => texts[path],
    stat(path: string): Stats | undefined {
      const [major, minor] = devices[path] ?? [0, 0];
      if (devices[path] === undefined && !folders.includes(path)) return undefined;
      return {
        rdev: ((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff),
        isCharacterDevice: () => devices[path] !== undefined,
        isDirectory: () => folders.includes(path),
      } as Stats;
    },
  };
}

const SGX = machine(
  {
    "/dev/sgx_enclave": [10, 125],
    "/dev/sgx/enclave": [10, 125],
    "/dev/sgx_provision": [10, 300],
    "/dev/isgx": [1, 3],
  },
  ["/var/run/aesmd"],
);

describe("teeAccess", () => {
  it("gives SGX the machine's devices under all their names, by number and no other", () => {
    const { devices, deviceRules } = teeAccess(asking("intelSgx"), defaultSpec(), SGX);
    assert.deepEqual(
      devices.map(({ path, major, minor, uid, gid }) => [path, major, minor, uid, gid]),
      [
        ["/dev/sgx_enclave", 10, 125, 0, 0],
        ["/dev/sgx/enclave", 10, 125, 0, 0],
        ["/dev/sgx_provision", 10, 300, 0, 0],
      ],
    );
    assert.deepEqual(
      deviceRules.map(({ allow, type, major, minor, access }) => [allow, type, major, minor, access]),
      [
        [true, "c", 10, 125, "rwm"],
        [true, "c", 10, 300, "rwm"],
      ],
    );
  });

  it("does not list a device twice, and does not fail for one that the machine lacks", () => {
    const linux = {
      devices: [
        { path: "/dev/sgx_enclave", type: "c", major: 10, minor: 125 },
        { path: "/dev/gsgx", type: "c" },
      ],
    };
    const { devices, deviceRules } = teeAccess(asking("intelSgx"), { ...defaultSpec(), linux }, SGX);
    assert.deepEqual(
      devices.map(({ path }) => path),
      ["/dev/sgx/enclave", "/dev/sgx_provision"],
    );
    assert.equal(deviceRules.length, 2);
  });

  it("binds the quoting service's socket unless the caller has put something there", () => {
    assert.deepEqual(
      teeAccess(asking("intelSgx"), defaultSpec(), SGX).mounts.map(({ destination }) => destination),
      ["/var/run/aesmd"],
    );
    const mounts = [{ destination: "/run/aesmd", type: "bind", source: "/x" }];
    assert.deepEqual(teeAccess(asking("intelSgx"), { ...defaultSpec(), mounts }, SGX).mounts, []);
    assert.deepEqual(teeAccess(asking("intelSgx"), defaultSpec(), machine({})).mounts, []);
  });

  it("gives nothing of TDX, SEV-SNP and the simulated TEE", () => {
    for (const type of ["intelTdx", "amdSevSnp", "simulated"] as const)
      assert.deepEqual(teeAccess(asking(type), defaultSpec(), SGX), {
        devices: [],
        deviceRules: [],
        mounts: [],
        cgroupFiles: {},
      });
  });

  describe("a limit of enclave memory", () => {
    const limited = asking("intelSgx", { epcLimitBytes: 1 << 20 });
    const withEpc = (text: string) => machine({}, [], { "/sys/fs/cgroup/misc.capacity": text });

    it("is a file of the cgroup where the kernel counts it", () => {
      const { cgroupFiles } = teeAccess(limited, defaultSpec(), withEpc("res_a 50\nsgx_epc 1048576\n"));
      assert.deepEqual(cgroupFiles, { "misc.max": "sgx_epc 1048576" });
      assert.deepEqual(teeAccess(asking("intelSgx"), defaultSpec(), withEpc("sgx_epc 1048576\n")).cgroupFiles, {});
    });

    it("is refused where it could not be kept, is more than there is, or contradicts the caller's own", () => {
      for (const files of [SGX, withEpc("res_a 50\n"), withEpc("sgx_epc 1048575\n")])
        assert.throws(() => teeAccess(limited, defaultSpec(), files), { code: "ERR_EPC_LIMIT" });
      const linux = { resources: { unified: { "misc.max": "sgx_epc max" } } };
      assert.throws(() => teeAccess(limited, { ...defaultSpec(), linux }, withEpc("sgx_epc 1048576\n")), {
        code: "ERR_REQUEST_CONTRADICTION",
      });
    });
  });
});
