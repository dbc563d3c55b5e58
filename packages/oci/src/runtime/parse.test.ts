import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import { defaultSpec } from "./default-spec.ts";
import { assertRunnable, formatRuntimeSpec, parseProcess, parseResources, parseRuntimeSpec } from "./parse.ts";

/** The default spec as a text with some members set, named like `process.args.0`; `undefined` removes one. */
function changed(changes: Readonly<Record<string, unknown>>): string {
  const spec = JSON.parse(formatRuntimeSpec(defaultSpec())) as Record<string, unknown>;
  for (const [path, value] of Object.entries(changes)) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    let holder = spec;
    for (const name of names) holder = holder[name] as Record<string, unknown>;
    holder[last] = value;
  }
  return JSON.stringify(spec);
}

const RLIMIT = { type: "RLIMIT_CORE", hard: 2, soft: 1 };
const MAPPING = { containerID: 0, hostID: 1000, size: 11 };
const SECCOMP = { defaultAction: "SCMP_ACT_ALLOW" };

function seccompWith(syscall: Readonly<Record<string, unknown>>): object {
  return { ...SECCOMP, syscalls: [{ names: ["mount"], action: "SCMP_ACT_ERRNO", ...syscall }] };
}

function refused(input: Uint8Array | string, path?: string): void {
  assert.throws(
    () => parseRuntimeSpec(input, "config.json"),
    (thrown) => {
      assert.ok(isInclavareError(thrown, "ERR_OCI_SPEC"));
      if (path !== undefined) assert.equal(thrown.details["path"], path, thrown.message);
      return true;
    },
  );
}

describe("parseRuntimeSpec", () => {
  it("gives the default spec back", () => {
    assert.deepEqual(parseRuntimeSpec(formatRuntimeSpec(defaultSpec()), "config.json"), defaultSpec());
  });

  it("keeps members that it does not know", () => {
    const text = changed({ future: { Root: [1, null] }, "linux.netDevices": { eth0: { name: "a" } } });
    const written: unknown = JSON.parse(formatRuntimeSpec(parseRuntimeSpec(text, "config.json")));
    assert.deepEqual(written, JSON.parse(text));
  });

  it("keeps 64-bit integers exactly", () => {
    const text = changed({}).replace('"hard":1024', '"hard":18446744073709551615');
    const spec = parseRuntimeSpec(text, "config.json");
    assert.equal(spec.process?.rlimits?.[0]?.hard, 18446744073709551615n);
    assert.match(formatRuntimeSpec(spec), /"hard": 18446744073709551615,/u);
  });

  it("refuses names that runc would take for known ones", () => {
    refused(changed({ Process: { cwd: "/" } }), "Process");
    refused(changed({ "hook\u017F": {} }), '["hook\u017F"]');
    refused(changed({ "process.ARGS": ["evil"] }), "process.ARGS");
  });

  it("leaves the names of annotations alone", () => {
    const annotations = { a: "1", A: "2" };
    assert.deepEqual(parseRuntimeSpec(changed({ annotations }), "config.json").annotations, annotations);
  });

  it("takes a known null for an absent member", () => {
    assert.equal("mounts" in parseRuntimeSpec(changed({ mounts: null }), "config.json"), false);
  });

  /** Each breaks one rule: the member that is changed, its new value, and the path that the error names. */
  const broken: readonly [string, unknown, string?][] = [
    ["ociVersion", undefined],
    ["ociVersion", "2.0.0"],
    ["process.cwd", "tmp"],
    ["process.cwd", undefined],
    ["process.args", ["sh", 1], "process.args[1]"],
    ["process.args", ["a\0b"], "process.args[0]"],
    ["process.env", ["A=1", "B"], "process.env[1]"],
    ["process.env", ["=1"], "process.env[0]"],
    ["process.user.uid", -1],
    ["process.user.additionalGids", [2 ** 32], "process.user.additionalGids[0]"],
    ["process.oomScoreAdj", 0.5],
    ["process.rlimits", [RLIMIT, RLIMIT], "process.rlimits[1].type"],
    ["process.rlimits", [{ ...RLIMIT, type: "RLIMIT_FILES" }], "process.rlimits[0].type"],
    ["process.rlimits", [{ ...RLIMIT, soft: 3 }], "process.rlimits[0].soft"],
    ["process.capabilities.bounding", ["kill"], "process.capabilities.bounding[0]"],
    ["process.consoleSize", { height: 70_000, width: 1 }, "process.consoleSize.height"],
    ["process.scheduler", { policy: "SCHED_BEST" }, "process.scheduler.policy"],
    ["process.ioPriority", { class: "IOPRIO_CLASS_RT", priority: 8 }, "process.ioPriority.priority"],
    ["root", []],
    ["root.path", ""],
    ["hostname", "h".repeat(65)],
    ["mounts.0.destination", "proc", "mounts[0].destination"],
    ["mounts.0.type", undefined, "mounts[0].type"],
    ["mounts.0", { destination: "/a", options: ["rbind"] }, "mounts[0].source"],
    ["mounts.0.uidMappings", [{ containerID: 0, hostID: 0, size: 1 }], "mounts[0]"],
    ["hooks", { poststop: [{ path: "x" }] }, "hooks.poststop[0].path"],
    ["hooks", { prestart: [{ path: "/x", timeout: 0 }] }, "hooks.prestart[0].timeout"],
    ["annotations", { "a.b": 1 }, 'annotations["a.b"]'],
    ["annotations", { "": "1" }, "annotations"],
    ["linux.namespaces.0.type", "x", "linux.namespaces[0].type"],
    ["linux.namespaces.0.type", "uts", "linux.namespaces[3].type"],
    ["linux.namespaces.0.path", "proc/1/ns/pid", "linux.namespaces[0].path"],
    ["linux.uidMappings", [{ containerID: 0, hostID: 0, size: 1 }]],
    ["linux.namespaces.5", { type: "user" }, "linux.uidMappings"],
    ["linux.gidMappings", [{ containerID: 0, hostID: 2 ** 32 - 1, size: 2 }], "linux.gidMappings[0].size"],
    ["linux.uidMappings", [MAPPING, { ...MAPPING, containerID: 10 }]],
    ["linux.sysctl", { "../x": "1" }],
    ["linux.rootfsPropagation", "sideways"],
    ["linux.maskedPaths", ["proc/acpi"], "linux.maskedPaths[0]"],
    ["linux.devices", [{ path: "/dev/x", type: "c", major: 1 }], "linux.devices[0].minor"],
    ["linux.devices", [{ path: "/dev/x", type: "x" }], "linux.devices[0].type"],
    ["linux.personality", { domain: "BSD" }, "linux.personality.domain"],
    ["linux.intelRdt", { closID: "../x" }, "linux.intelRdt.closID"],
    ["linux.timeOffsets", { boottime: { secs: "1" } }, "linux.timeOffsets.boottime.secs"],
    ["linux.resources.pids", { limit: "ten" }, "linux.resources.pids.limit"],
    ["linux.resources.memory", { limit: -2 }, "linux.resources.memory.limit"],
    ["linux.resources.memory", { limit: 10, swap: 9 }, "linux.resources.memory.swap"],
    ["linux.resources.memory", { swappiness: 101 }, "linux.resources.memory.swappiness"],
    ["linux.resources.cpu", { quota: 100 }, "linux.resources.cpu.quota"],
    ["linux.resources.cpu", { period: 2_000_000 }, "linux.resources.cpu.period"],
    ["linux.resources.cpu", { cpus: "all" }, "linux.resources.cpu.cpus"],
    ["linux.resources.blockIO", { weight: 5 }, "linux.resources.blockIO.weight"],
    ["linux.resources.hugepageLimits", [{ pageSize: "2M", limit: 1 }], "linux.resources.hugepageLimits[0].pageSize"],
    ["linux.resources.unified", { "../x": "1" }, "linux.resources.unified"],
    ["linux.seccomp", { defaultAction: "SCMP_ACT_MAYBE" }, "linux.seccomp.defaultAction"],
    ["linux.seccomp", { defaultAction: "SCMP_ACT_NOTIFY" }, "linux.seccomp.defaultAction"],
    ["linux.seccomp", { ...SECCOMP, flags: ["LOG"] }, "linux.seccomp.flags[0]"],
    ["linux.seccomp", { ...SECCOMP, architectures: ["x86"] }, "linux.seccomp.architectures[0]"],
    ["linux.seccomp", seccompWith({ names: [] }), "linux.seccomp.syscalls[0].names"],
    ["linux.seccomp", seccompWith({ errnoRet: 1, action: "SCMP_ACT_LOG" }), "linux.seccomp.syscalls[0].errnoRet"],
    ["linux.seccomp", seccompWith({ action: "SCMP_ACT_NOTIFY" }), "linux.seccomp.listenerPath"],
    [
      "linux.seccomp",
      seccompWith({ args: [{ index: 6, value: 0, op: "SCMP_CMP_EQ" }] }),
      "linux.seccomp.syscalls[0].args[0].index",
    ],
    [
      "linux.seccomp",
      seccompWith({ args: [{ index: 5, value: 0, op: "SCMP_CMP_LIKE" }] }),
      "linux.seccomp.syscalls[0].args[0].op",
    ],
  ];
  for (const [member, value, path = member] of broken) {
    it(`refuses ${member} = ${JSON.stringify(value)?.slice(0, 60)}, and names ${path}`, () =>
      refused(changed({ [member]: value }), path));
  }

  it("takes what docker, containerd and people write", () => {
    const fine: readonly [string, unknown][] = [
      ["linux.uidMappings", []],
      ["linux.resources.memory", { limit: 1, swap: -1, swappiness: 18446744073709552000 }],
      ["linux.resources.devices", [{ allow: true, type: "c", major: 10, minor: 229, access: "rwm" }]],
      ["linux.resources.cpu", { shares: 0, quota: -1, period: 0, cpus: "0-3,7" }],
      ["mounts.0", { destination: "/", options: ["rslave"] }],
      ["linux.namespaces.0.path", ""],
      ["linux.seccomp", seccompWith({ errnoRet: 38, action: "SCMP_ACT_ERRNO" })],
      ["process.capabilities.bounding", ["CAP_OF_THE_FUTURE"]],
      ["process.env", ["A=", "B=1=2", "PATH=/bin"]],
      ["process.apparmorProfile", ""],
      ["linux.netDevices", { eth0: {} }],
    ];
    for (const [member, value] of fine) {
      const document = changed({ [member]: value }).replace("18446744073709552000", "18446744073709551615");
      parseRuntimeSpec(document, member);
    }
  });

  it("names all faults in one go, bounded, and what is expected and what came", () => {
    assert.throws(
      () => parseRuntimeSpec(changed({ "process.cwd": "x", "linux.resources.pids": { limit: "ten" } }), "config.json"),
      {
        message:
          'config.json: process.cwd: expected an absolute path, got "x"; ' +
          'linux.resources.pids.limit: expected an integer, got "ten"',
      },
    );
    const args = Array.from({ length: 1000 }, () => 1);
    assert.throws(
      () => parseRuntimeSpec(changed({ "process.args": args }), "config.json"),
      (error) => isInclavareError(error) && (error.details["problems"] as readonly object[]).length === 8,
    );
  });

  it("does not show what may be secret", () => {
    for (const env of ["TOKEN=hunter2", ["hunter2"]])
      assert.throws(
        () => parseRuntimeSpec(changed({ "process.env": env }), "config.json"),
        (error) => isInclavareError(error, "ERR_OCI_SPEC") && !error.message.includes("hunter2"),
      );
  });

  it("refuses what is no JSON object, or too large, or not UTF-8", () => {
    refused("");
    refused("[]", "");
    refused('{"ociVersion":"1.2.0","ociVersion":"1.2.0"}');
    refused('{"ociVersion":"1.2.0"} x');
    refused(new Uint8Array([0x7b, 0xff, 0x7d]));
    refused(`\u{feff}{"ociVersion":"1.2.0"}`);
    refused(" ".repeat(16 * 1024 * 1024 + 1));
    refused("[".repeat(100_000));
  });
});

describe("parseProcess and parseResources", () => {
  it("take the parts on their own", () => {
    assert.deepEqual(parseProcess('{"cwd":"/","args":["a"]}', "process.json"), { cwd: "/", args: ["a"] });
    assert.deepEqual(parseResources('{"memory":{"limit":-1}}', "-"), { memory: { limit: -1 } });
    assert.throws(() => parseProcess('{"args":["a"]}', "process.json"), { code: "ERR_OCI_SPEC" });
  });
});

describe("assertRunnable", () => {
  it("wants process, arguments and root", () => {
    assertRunnable(defaultSpec(), "x");
    const { process: _process, ...rest } = defaultSpec();
    assert.throws(() => assertRunnable(rest, "x"), {
      code: "ERR_OCI_SPEC",
      details: { path: "process", rule: "required, got nothing" },
    });
  });
});
