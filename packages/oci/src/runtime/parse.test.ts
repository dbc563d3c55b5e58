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

function refused(input: Uint8Array | string, path?: string): void {
  assert.throws(
    () => parseRuntimeSpec(input, "config.json"),
    (thrown) => {
      assert.ok(isInclavareError(thrown, "ERR_OCI_SPEC"));
      if (path !== undefined) assert.equal(thrown.details["path"], path);
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
    refused(changed({ Process: { cwd: "/" } }), "$.Process");
    refused(changed({ "hook\u017F": {} }), '$["hook\u017F"]');
    refused(changed({ "process.ARGS": ["evil"] }), "$.process.ARGS");
  });

  it("leaves the names of annotations alone", () => {
    const annotations = { a: "1", A: "2" };
    assert.deepEqual(parseRuntimeSpec(changed({ annotations }), "config.json").annotations, annotations);
  });

  it("takes a known null for an absent member", () => {
    assert.equal("mounts" in parseRuntimeSpec(changed({ mounts: null }), "config.json"), false);
  });

  const twice = [
    { type: "RLIMIT_CORE", hard: 1, soft: 1 },
    { type: "RLIMIT_CORE", hard: 2, soft: 2 },
  ];
  const condition = { index: 6, value: 0, op: "SCMP_CMP_EQ" };
  const syscalls = [{ names: ["a"], action: "SCMP_ACT_ERRNO", args: [condition] }];
  const broken: readonly [string, Record<string, unknown>, string][] = [
    ["no version", { ociVersion: undefined }, "$.ociVersion"],
    ["version 2", { ociVersion: "2.0.0" }, "$.ociVersion"],
    ["relative cwd", { "process.cwd": "tmp" }, "$.process.cwd"],
    ["a number among the arguments", { "process.args": ["sh", 1] }, "$.process.args[1]"],
    ["a NUL in an argument", { "process.args": ["a\0b"] }, "$.process.args[0]"],
    ["a negative uid", { "process.user.uid": -1 }, "$.process.user.uid"],
    ["a limit named twice", { "process.rlimits": twice }, "$.process.rlimits"],
    ["an unknown namespace", { "linux.namespaces.0.type": "x" }, "$.linux.namespaces[0].type"],
    ["a namespace twice", { "linux.namespaces.0.type": "uts" }, "$.linux.namespaces"],
    ["mappings without namespace", { "linux.uidMappings": [] }, "$.linux"],
    ["a hook that is no path", { hooks: { poststop: [{ path: "x" }] } }, "$.hooks.poststop[0].path"],
    ["an annotation that is no text", { annotations: { "a.b": 1 } }, '$.annotations["a.b"]'],
    ["an array as root", { root: [] }, "$.root"],
    ["an integer with a fraction", { "process.oomScoreAdj": 0.5 }, "$.process.oomScoreAdj"],
    [
      "a syscall argument 6",
      { "linux.seccomp": { defaultAction: "SCMP_ACT_ALLOW", syscalls } },
      "$.linux.seccomp.syscalls[0].args[0].index",
    ],
  ];
  for (const [name, change, path] of broken) {
    it(`refuses ${name} at ${path}`, () => refused(changed(change), path));
  }

  it("refuses what is no JSON object, or too large, or not UTF-8", () => {
    refused("");
    refused("[]", "$");
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
    assert.throws(() => assertRunnable(rest, "x"), { code: "ERR_OCI_SPEC", details: { path: "$.process" } });
  });
});
