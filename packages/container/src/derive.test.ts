import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { RuntimeSpec, SpecMount } from "@inclavare/oci";
import { type DerivationInput, deriveSpec } from "./derive.ts";
import { LEAST_PIDS } from "./limits.ts";
import { parseWrappedHook, withBundle } from "./hooks.ts";

const base: RuntimeSpec = {
  ociVersion: "1.0.2",
  process: {
    terminal: true,
    consoleSize: { height: 24, width: 80 },
    user: { uid: 1000, gid: 1000 },
    args: ["/app"],
    env: ["NODE_OPTIONS=--require=/tmp/evil.js"],
    cwd: "/work",
    rlimits: [
      { type: "RLIMIT_AS", hard: 1, soft: 1 },
      { type: "RLIMIT_NOFILE", hard: 64, soft: 64 },
    ],
  },
  root: { path: "rootfs", readonly: true },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev", type: "tmpfs", source: "tmpfs" },
    { destination: "/data", type: "bind", source: "data", options: ["rbind"] },
  ],
};

const derive = (spec: RuntimeSpec, change: Partial<DerivationInput> = {}): RuntimeSpec =>
  deriveSpec({
    spec,
    bundle: "/b",
    payload: "/opt/payload",
    enclave: { kind: "measured", runtime: "wasm", directory: "/b/rootfs/.enclave" },
    tee: { devices: [], deviceRules: [], mounts: [], cgroupFiles: {} },
    channels: ["control", "attester", "attest"],
    preservedDescriptors: 0,
    hookWrapper: { command: ["/usr/bin/rune", "hook"], bundle: "/b" },
    ...change,
  });
const withMounts = (...mounts: SpecMount[]): RuntimeSpec => ({ ...base, mounts });

const limited = (limit: number): RuntimeSpec => ({ ...base, linux: { resources: { pids: { limit } } } });

describe("deriveSpec", () => {
  it("makes init-runelet the process, with an environment and a directory of its own", () => {
    const { process } = derive(base);
    assert.deepEqual(process?.args?.slice(0, 3), [
      "/dev/inclavare/payload/bin/node",
      "--disable-sigusr1",
      "--expose-gc",
    ]);
    assert.doesNotMatch(JSON.stringify(process), /NODE_OPTIONS|evil|\/work/u);
    assert.equal(process?.cwd, "/");
  });

  it("keeps terminal, size and user", () => {
    const { process } = derive(base);
    assert.equal(process?.terminal, true);
    assert.deepEqual(process?.consoleSize, { height: 24, width: 80 });
    assert.deepEqual(process?.user, { uid: 1000, gid: 1000 });
  });

  it("numbers its descriptors after the caller's", () => {
    const args = derive(base, { preservedDescriptors: 2 }).process?.args ?? [];
    assert.deepEqual(args.slice(-3), ["--control-fd=5", "--attester-fd=6", "--attest-fd=7"]);
  });

  it("binds a library and what it needs by name, where its loader looks first", () => {
    const files = [
      { name: "liberpal-x.so", path: "/opt/x/liberpal-x.so.1" },
      { name: "libdep.so.2", path: "/usr/lib/libdep.so.2.0" },
    ];
    const { process, mounts } = derive(base, { enclave: { kind: "library", files }, channels: ["control", "crash"] });
    assert.deepEqual(process?.args?.slice(-2), ["--control-fd=3", "--crash-fd=4"]);
    assert.ok(process?.env?.includes("LD_LIBRARY_PATH=/dev/inclavare/pal"));
    assert.deepEqual(
      mounts?.slice(-2).map(({ source, destination, options }) => [source, destination, options?.includes("ro")]),
      [
        ["/opt/x/liberpal-x.so.1", "/dev/inclavare/pal/liberpal-x.so", true],
        ["/usr/lib/libdep.so.2.0", "/dev/inclavare/pal/libdep.so.2", true],
      ],
    );
  });

  it("adds the TEE's devices and rules to the caller's", () => {
    const device = { path: "/dev/sgx_enclave", type: "c", major: 10, minor: 125 };
    const rule = { allow: true, type: "c", major: 10, minor: 125, access: "rwm" };
    const denied = { allow: false, access: "rwm" };
    const spec = { ...base, linux: { cgroupsPath: "/x", resources: { devices: [denied] } } };
    const { linux } = derive(spec, { tee: { devices: [device], deviceRules: [rule], mounts: [], cgroupFiles: {} } });
    assert.deepEqual(linux, { cgroupsPath: "/x", devices: [device], resources: { devices: [denied, rule] } });
  });

  it("adds the TEE's limits to the caller's files of the cgroup", () => {
    const spec = { ...base, linux: { resources: { unified: { "memory.high": "1" } } } };
    const tee = { devices: [], deviceRules: [], mounts: [], cgroupFiles: { "misc.max": "sgx_epc 4096" } };
    assert.deepEqual(derive(spec, { tee }).linux?.resources?.unified, {
      "memory.high": "1",
      "misc.max": "sgx_epc 4096",
    });
  });

  it("drops the limit on address space and no other, and lifts what init-runelet could not live with", () => {
    const unlimited = 2n ** 64n - 1n;
    const rlimits = [...(base.process?.rlimits ?? []), { type: "RLIMIT_NPROC", soft: 8, hard: unlimited }];
    const process = { ...base.process, cwd: "/", rlimits };
    assert.deepEqual(derive({ ...base, process }).process?.rlimits, [
      { type: "RLIMIT_NOFILE", soft: 1024, hard: 1024 },
      { type: "RLIMIT_NPROC", soft: 256, hard: unlimited },
    ]);
  });

  it("makes root and bind sources absolute", () => {
    const { root, mounts } = derive(base);
    assert.deepEqual(root, { path: "/b/rootfs", readonly: true });
    assert.equal(mounts?.find(({ destination }) => destination === "/data")?.source, "/b/data");
    assert.equal(mounts?.find(({ destination }) => destination === "/proc")?.source, "proc");
  });

  it("binds payload and enclave last and read-only", () => {
    const [payload, enclave] = derive(base).mounts?.slice(-2) ?? [];
    assert.equal(payload?.destination, "/dev/inclavare/payload");
    assert.equal(enclave?.source, "/b/rootfs/.enclave");
    for (const mount of [payload, enclave]) assert.ok(mount?.options?.includes("ro"));
    for (const mount of [payload, enclave]) assert.ok(!mount?.options?.includes("noexec"));
  });

  it("adds a tmpfs at /dev where there is none", () =>
    assert.equal(derive(withMounts()).mounts?.[0]?.destination, "/dev"));

  it("changes nothing of what it was given", () => {
    const before = JSON.stringify(base);
    derive(base);
    assert.equal(JSON.stringify(base), before);
  });

  for (const [what, mount] of [
    ["the host's /dev", { destination: "/dev", type: "bind", source: "/dev", options: ["rbind"] }],
    ["a mount in our place", { destination: "/dev/inclavare/payload", type: "tmpfs" }],
    ["a mount in our place by another spelling", { destination: "/dev//x/../inclavare" }],
    ["a mount over the root", { destination: "/", type: "tmpfs" }],
  ] as const) {
    it(`refuses ${what} with ERR_BUNDLE_UNSUITABLE`, () =>
      assert.throws(() => derive(withMounts(mount)), { code: "ERR_BUNDLE_UNSUITABLE" }));
  }

  it("refuses a pids.limit that is too small, with the figure", () => {
    assert.throws(() => derive(limited(4)), { code: "ERR_PIDS_LIMIT", details: { limit: 4, least: LEAST_PIDS } });
    for (const limit of [LEAST_PIDS, 0, -1]) derive(limited(limit));
  });
});

describe("hooks", () => {
  const hook = { path: "/bin/hook", args: ["hook", "a b"], env: ["X=1"], timeout: 5 };

  it("are wrapped with arguments, environment and time limit kept", () => {
    const { hooks } = derive({ ...base, hooks: { prestart: [hook], poststop: [{ path: "/bin/last" }] } });
    assert.deepEqual(hooks?.prestart, [
      {
        path: "/usr/bin/rune",
        args: ["/usr/bin/rune", "hook", "/b", "/bin/hook", "hook", "a b"],
        env: ["X=1"],
        timeout: 5,
      },
    ]);
    const args = hooks?.poststop?.[0]?.args?.slice(2) ?? [];
    assert.deepEqual(parseWrappedHook(args), { bundle: "/b", path: "/bin/last", args: ["/bin/last"] });
  });

  it("see the caller's bundle", () =>
    assert.deepEqual(JSON.parse(withBundle('{"id":"x","bundle":"/derived"}', "/b")), { id: "x", bundle: "/b" }));

  it("of the start are not runc's to run", () =>
    assert.deepEqual(derive({ ...base, hooks: { startContainer: [hook] } }).hooks, {}));
});
