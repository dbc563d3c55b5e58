import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it, type TestContext } from "node:test";
import { runProgram } from "@inclavare/cli";
import { createProgram } from "../program.ts";
import type { Finding, Machine } from "./check.ts";
import { examine } from "./examine.ts";

const CRI = "io.containerd.grpc.v1.cri";
/** What `containerd config dump` prints. */
function containerdHas(runtime = 'runtime_type = "io.containerd.rune.v2"', more = ""): string {
  return `version = 2\n${more}\n[plugins."${CRI}".containerd.runtimes.rune]\n${runtime}\n`;
}
/** A containerd that can be found; what it prints is made up. */
const programs = mkdtempSync(join(tmpdir(), "inclavare-doctor-bin-"));
writeFileSync(join(programs, "containerd"), "#!/bin/false\n", { mode: 0o755 });
after(() => rmSync(programs, { recursive: true, force: true }));
const containerdSays = (text: string, exists: (path: string) => boolean = () => true): Partial<Machine> => ({
  run: () => text,
  exists,
});

const HEALTHY: Machine = {
  nodeVersion: "v24.1.0",
  uid: 0,
  searchPath: programs,
  exists: () => true,
  run: (program) => (program.endsWith("containerd") ? containerdHas() : "runc version 1.1.5+ds1\ncommit: x\n"),
  connect: () => undefined,
};

function configuration(t: TestContext, text: string): string {
  const directory = mkdtempSync(join(tmpdir(), "inclavare-doctor-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  writeFileSync(join(directory, "config.toml"), text);
  return join(directory, "config.toml");
}

/** The result of one check on a machine that differs from a healthy one; its runc is a program that is surely there. */
function find(t: TestContext, check: string, change: Partial<Machine>, config?: string): Finding | undefined {
  const configPath = configuration(t, config ?? `[rune]\nruntime = "${process.execPath}"\n`);
  const findings = examine({ machine: { ...HEALTHY, ...change }, configPath, payload: "/nonexistent/payload" });
  return findings.find((finding) => finding.check === check);
}

const failing = (): never => {
  throw new Error("refused");
};

describe("examine", () => {
  const cases: readonly (readonly [check: string, change: Partial<Machine>, result: string])[] = [
    ["node", {}, "pass"],
    ["node", { nodeVersion: "v20.11.0" }, "fail"],
    ["root", { uid: 1000 }, "warn"],
    ["runc", {}, "pass"],
    ["runc", { run: () => "runc version 1.0.3\n" }, "warn"],
    ["runc", { run: () => "runc version 0.9.9\n" }, "warn"],
    ["runc", { run: () => "crun version 1.8\n" }, "warn"],
    ["runc", { run: () => "runc version 2.0.0\n" }, "pass"],
    ["runc", { run: failing }, "fail"],
    ["cgroup", {}, "pass"],
    ["cgroup", { exists: (path) => path === "/sys/fs/cgroup/memory" }, "pass"],
    ["cgroup", { exists: () => false }, "fail"],
    ["namespaces", {}, "pass"],
    ["namespaces", { exists: (path) => !path.endsWith("/pid") }, "fail"],
    ["tee-devices", { exists: (path) => path === "/dev/sev-guest" }, "pass"],
    ["tee-devices", { exists: () => false }, "warn"],
    ["configfs-tsm", {}, "pass"],
    ["configfs-tsm", { exists: () => false }, "warn"],
    ["payload", {}, "fail"],
    ["attesterd", {}, "pass"],
    ["attesterd", { connect: failing }, "fail"],
    ["containerd", {}, "pass"],
    ["containerd", { searchPath: "/nonexistent" }, "warn"],
    ["containerd", { run: failing }, "fail"],
    ["containerd", containerdSays("not TOML"), "fail"],
    ["containerd", containerdSays(containerdHas('runtime_type = "io.containerd.runc.v2"')), "warn"],
    ["containerd", containerdSays(containerdHas(undefined, `disabled_plugins = ["${CRI}"]`)), "warn"],
    ["containerd", containerdSays(containerdHas(), (path) => !path.endsWith("containerd-shim-rune-v2")), "fail"],
    [
      "containerd",
      containerdSays(
        containerdHas('runtime_type = "io.containerd.rune.v2"\noptions = { ConfigPath = "/o.toml" }'),
        (path) => path !== "/o.toml",
      ),
      "fail",
    ],
  ];
  for (const [check, change, result] of cases) {
    it(`${check}: ${result} with ${Object.keys(change).join(", ") || "a healthy machine"}`, (t) => {
      const finding = find(t, check, change);
      assert.equal(finding?.result, result, finding?.message);
      assert.equal(finding?.fix === undefined, result === "pass", "what is not well has a fix");
    });
  }

  it("reports a configuration that cannot be read, and goes on with the defaults", (t) => {
    assert.equal(find(t, "config", {}, "nonsense = 1")?.result, "fail");
    assert.equal(find(t, "attesterd", {}, "nonsense = 1")?.result, "pass");
    assert.equal(find(t, "config", {}, "")?.result, "pass");
  });

  it("reports a runc that is not there", (t) => {
    assert.equal(find(t, "runc", {}, '[rune]\nruntime = "/nonexistent/runc"')?.result, "fail");
  });
});

describe("inclavare doctor", () => {
  it("ends with 1 when a check fails, and gives the findings as JSON", async (t) => {
    const config = configuration(t, '[attesterd]\nsocket = "/nonexistent/attesterd.sock"\n');
    let stdout = "";
    const io = { stdout: { write: (text: string) => (stdout += text) }, stderr: { write: () => undefined } };
    const flags = ["--config", config, "--payload", "/nonexistent/payload", "-o", "json"];
    assert.equal(await runProgram(createProgram(process.env, ["false"]), ["doctor", ...flags], io), 1);
    const { healthy, findings } = JSON.parse(stdout) as { healthy: boolean; findings: Finding[] };
    assert.equal(healthy, false);
    const failed = findings.filter(({ result }) => result === "fail").map(({ check }) => check);
    assert.ok(failed.includes("payload") && failed.includes("attesterd"), String(failed));
  });
});
