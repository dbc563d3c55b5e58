import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { mayAskForEnclave } from "@inclavare/container";
import { isInclavareError } from "@inclavare/errors";
import {
  defaultSpec,
  formatRuntimeSpec,
  openBundle,
  parseProcess,
  parseResources,
  parseRuntimeSpec,
} from "@inclavare/oci";
import fc from "fast-check";
import { deriveSpec } from "../../packages/container/src/derive.ts";
import { readRequest } from "../../packages/container/src/lifecycle/prepare.ts";
import { editedJson, editedText } from "../support/edited-json.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 500);
/** Generous: what takes longer than this for a few kilobytes has a flaw. */
const SLOW_MS = 2_000;
const MOST_MESSAGE = 4_096;

const bundle = mkdtempSync(join(tmpdir(), "inclavare-fuzz-"));
mkdirSync(join(bundle, "rootfs"));
after(() => rmSync(bundle, { recursive: true, force: true }));

/** A configuration with something in every place that is checked. */
const spec = defaultSpec();
const full = {
  ...spec,
  annotations: { "enclave.type": "simulated", "enclave.runtime.path": "wasm" },
  process: {
    ...spec.process,
    user: { uid: 0, gid: 0, umask: 18, additionalGids: [1] },
    consoleSize: { height: 24, width: 80 },
    scheduler: { policy: "SCHED_OTHER", nice: 1 },
    ioPriority: { class: "IOPRIO_CLASS_BE", priority: 4 },
    oomScoreAdj: 10,
  },
  mounts: [...(spec.mounts ?? []), { destination: "/data", type: "bind", source: "data", options: ["rbind"] }],
  hooks: { prestart: [{ path: "/bin/true", args: ["true"], env: ["A=1"], timeout: 5 }] },
  linux: {
    ...spec.linux,
    namespaces: [...(spec.linux?.namespaces ?? []), { type: "user" }],
    uidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
    gidMappings: [{ containerID: 0, hostID: 1000, size: 10 }],
    sysctl: { "net.ipv4.ip_forward": "1" },
    devices: [{ path: "/dev/x", type: "c", major: 1, minor: 2 }],
    resources: {
      devices: [{ allow: false, access: "rwm" }],
      memory: { limit: 1e9, swap: -1, swappiness: 60 },
      cpu: { shares: 1024, quota: 100_000, period: 100_000, cpus: "0-1" },
      pids: { limit: 100 },
      blockIO: { weight: 100, weightDevice: [{ major: 8, minor: 0, weight: 100 }] },
      hugepageLimits: [{ pageSize: "2MB", limit: 0 }],
      unified: { "memory.high": "1" },
    },
    seccomp: {
      defaultAction: "SCMP_ACT_ERRNO",
      architectures: ["SCMP_ARCH_X86_64"],
      syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ" }] }],
    },
  },
};

/** Calls `work`, which may refuse with a code that `accepts`, in time and in few words. @returns undefined when it refused */
function coded<T>(accepts: RegExp, work: () => T): T | undefined {
  const started = performance.now();
  try {
    return work();
  } catch (error) {
    if (!isInclavareError(error)) throw error;
    assert.match(error.code, accepts);
    assert.ok(error.message.length < MOST_MESSAGE, `a message of ${error.message.length} characters`);
    return undefined;
  } finally {
    assert.ok(performance.now() - started < SLOW_MS, "slow");
  }
}

describe("any config.json", () => {
  const words = [
    "wasm",
    "simulated",
    "/dev",
    "bind",
    "user",
    "SCMP_ACT_NOTIFY",
    { destination: "/dev", type: "tmpfs" },
  ];
  const texts = editedText(editedJson(full, words));

  it("is refused with a code, or derived into a configuration that is valid again", () => {
    fc.assert(
      fc.property(texts, (text) => {
        writeFileSync(join(bundle, "config.json"), text);
        const read = coded(/^ERR_(?:OCI_(?:SPEC|BUNDLE)|REQUEST_\w+)$/u, () => readRequest(bundle));
        if (read?.asked === undefined) return;
        const { spec: checked } = read.asked.bundle;
        const derived = coded(/^ERR_(?:PIDS_LIMIT|BUNDLE_UNSUITABLE|REQUEST_UNSUPPORTED)$/u, () =>
          deriveSpec({
            spec: checked,
            bundle,
            payload: "/opt/payload",
            enclave: { kind: "measured", runtime: "wasm", directory: "/run/enclave" },
            tee: { devices: [], deviceRules: [], mounts: [], cgroupFiles: {} },
            channels: ["control"],
            preservedDescriptors: 0,
            hookWrapper: { command: ["/bin/rune", "hook"], bundle },
          }),
        );
        if (derived !== undefined) parseRuntimeSpec(formatRuntimeSpec(derived), "derived");
      }),
      { numRuns },
    );
  });

  it("that asks for an enclave is never taken for a plain one by the first look at its text", () => {
    fc.assert(
      fc.property(texts, (text) => {
        if (mayAskForEnclave(text)) return;
        writeFileSync(join(bundle, "config.json"), text);
        const outline = coded(/^ERR_OCI_SPEC$/u, () => openBundle(bundle).outline);
        const names = [...Object.keys(outline?.annotations ?? {}), ...(outline?.process?.env ?? [])];
        assert.ok(!names.some((name) => /^(?:enclave\.|ENCLAVE_)/u.test(name)), text);
      }),
      { numRuns },
    );
  });
});

describe("any process and any resources", () => {
  for (const [what, base, parse] of [
    ["process", full.process, parseProcess],
    ["resources", full.linux.resources, parseResources],
  ] as const)
    it(`${what}: refused with ERR_OCI_SPEC, or the same after being written and read again`, () => {
      fc.assert(
        fc.property(editedText(editedJson(base)), (text) => {
          const parsed = coded(/^ERR_OCI_SPEC$/u, () => parse(text, what));
          if (parsed !== undefined) assert.deepEqual(parse(formatRuntimeSpec(parsed), what), parsed);
        }),
        { numRuns },
      );
    });
});
