/** `inclavare install containerd` and what the real containerd makes of its result. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { parse } from "smol-toml";
import { BIN, cannotRun } from "../support/testbed.ts";

const OTHER_BIN = process.env["INCLAVARE_TEST_CONTAINERD"];
const PATH = [...(OTHER_BIN === undefined ? [] : [OTHER_BIN]), process.env["PATH"] ?? ""].join(":");
const env = { ...process.env, PATH };

type Table = Record<string, unknown>;
interface Dump {
  readonly version: number;
  readonly plugins: Record<string, { containerd?: { runtimes: Record<string, Table>; default_runtime_name: string } }>;
}

function run(program: string, ...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(program, args, { encoding: "utf8", env, timeout: 30_000, killSignal: "SIGKILL" });
}

/** What containerd itself has after reading a configuration. */
function dump(config: string): Dump {
  const { status, stdout, stderr } = run("containerd", "--config", config, "config", "dump");
  assert.equal(status, 0, stderr);
  return JSON.parse(JSON.stringify(parse(stdout, { integersAsBigInt: false }))) as Dump;
}

function runtimesOf({ plugins }: Dump): Record<string, Table> {
  const cri = plugins["io.containerd.cri.v1.runtime"] ?? plugins["io.containerd.grpc.v1.cri"];
  return cri?.containerd?.runtimes ?? {};
}

describe("inclavare install containerd, as containerd reads it", { skip: cannotRun("containerd") }, () => {
  function place(t: TestContext, text: string | undefined) {
    const folder = mkdtempSync(join(tmpdir(), "inclavare-e2e-install-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "config.toml");
    if (text !== undefined) writeFileSync(file, text.replaceAll("FOLDER", folder));
    const flags = ["--config", file, "--options-dir", join(folder, "options")];
    const install = (...words: string[]) => run(join(BIN, "inclavare"), "install", "containerd", ...flags, ...words);
    return { folder, file, install };
  }

  const cri = (version: number): string =>
    version === 2 ? '[plugins."io.containerd.grpc.v1.cri"' : '[plugins."io.containerd.cri.v1.runtime"';
  const own = (version: number): string =>
    `version = ${version}\n${cri(version)}.containerd]\ndefault_runtime_name = "mine" # ours\n` +
    `${cri(version)}.containerd.runtimes.mine]\nruntime_type = "io.containerd.runc.v2"\n`;
  const native = run("containerd", "config", "default").stdout.includes("version = 3") ? 3 : 2;
  const cases: readonly (readonly [string, string | undefined])[] = [
    ["no configuration", undefined],
    ["an empty one of version 2", "version = 2\n"],
    ["a runtime of the operator's, version 2", own(2)],
    ...(native === 3 ? ([["a runtime of the operator's, version 3", own(3)]] as const) : []),
  ];
  for (const [what, text] of cases) {
    it(`adds runtimes and loses none: ${what}`, (t) => {
      const { folder, file, install } = place(t, text);
      const before = text === undefined ? undefined : dump(file);
      const { status, stdout, stderr } = install();
      assert.equal(status, 0, stderr);
      assert.match(stdout, /^added/u);
      const after = dump(file);
      const runtimes = runtimesOf(after);
      assert.equal(runtimes["rune"]?.["runtime_type"], "io.containerd.rune.v2");
      assert.deepEqual(runtimes["rune"]?.["pod_annotations"], ["enclave.*"]);
      assert.deepEqual(runtimes["rune-wasm"]?.["options"], { ConfigPath: join(folder, "options", "rune-wasm.toml") });
      assert.ok(text === undefined || text.includes("mine") ? true : runtimes["runc"], "the built-in runtime is lost");
      const rest = Object.fromEntries(Object.entries(runtimes).filter(([name]) => !name.startsWith("rune")));
      for (const name of Object.keys(before === undefined ? {} : runtimesOf(before)))
        assert.equal(rest[name]?.["runtime_type"], "io.containerd.runc.v2", name);
      const defaults = (dumped: Dump): unknown[] =>
        Object.values(dumped.plugins).flatMap(({ containerd }) => containerd?.default_runtime_name ?? []);
      if (before !== undefined) assert.deepEqual(defaults(after), defaults(before));
      assert.equal(install("--undo").status, 0);
      if (before !== undefined) assert.deepEqual(dump(file), before);
    });
  }

  // containerd 2 merges what it imports.
  if (native === 2)
    it("takes a change back that containerd would not take", (t) => {
      const imported = own(2).replace("version = 2", 'version = 2\nimports = ["FOLDER/more/*.toml"]');
      const { folder, file, install } = place(t, imported);
      mkdirSync(join(folder, "more"));
      writeFileSync(join(folder, "more", "cri.toml"), `version = 2\n${cri(2)}]\nenable_selinux = true\n`);
      const before = readFileSync(file, "utf8");
      const { status, stderr } = install();
      assert.equal(status, 1);
      assert.match(stderr, /containerd does not take the runtime rune from .* \[ERR_CONTAINERD_CONFIG\]/u);
      assert.equal(readFileSync(file, "utf8"), before);
    });
});
