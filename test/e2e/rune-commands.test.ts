import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Probes } from "../support/probes.ts";
import { cannotRun, type MutableSpec } from "../support/testbed.ts";

let probes: Probes;

/** A refusal: exit status, and the text and code that standard error ends with. */
function assertRefused(
  { status, stderr }: { readonly status: number | null; readonly stderr: string },
  text: RegExp,
  code: string,
  expected = 1,
): void {
  assert.equal(status, expected, stderr);
  assert.match(stderr, text);
  assert.ok(stderr.trimEnd().replace(/"$/u, "").endsWith(`(${code})`), stderr);
}

describe("rune's commands for an enclave container", { skip: cannotRun() }, () => {
  before(async () => (probes = await Probes.create("commands")));
  after(async () => await probes.close());

  describe("config.json", () => {
    const broken: readonly [string, (spec: MutableSpec) => void, RegExp][] = [
      [
        "a limit",
        (spec) => (spec.linux["resources"] = { pids: { limit: "ten" } }),
        /pids\.limit: expected an integer, got \\"ten\\"/u,
      ],
      ["a variable", (spec) => spec.process.env.push("NOVALUE"), /process\.env\[\d+\]: expected NAME=value/u],
      ["a program", (spec) => (spec.process.args = []), /process\.args: expected a program/u],
    ];
    for (const [what, edit, text] of broken)
      it(`of which ${what} is wrong is refused with its path, and nothing is left`, () =>
        assertRefused(
          probes.bed.rune("run", "-b", probes.bundle(["exit", "0"], edit), probes.id()),
          text,
          "ERR_OCI_SPEC",
        ));

    it("of a plain container is runc's to judge, even where it speaks of enclaves and breaks our rules", () => {
      const folder = probes.bundle([], (spec) => {
        spec.annotations = {};
        spec.process.args = ["/nothing", "enclave.example"];
        spec["hostname"] = "h".repeat(65);
      });
      const ours = probes.bed.rune("run", "-b", folder, probes.id());
      assert.match(ours.stderr, /runc run failed|sethostname|exec/u);
      assert.doesNotMatch(ours.stderr, /ERR_/u);
    });
  });

  describe("ps, events, pause, resume", () => {
    it("are runc's, under the caller's id", () => {
      const { container } = probes.started(["sleep"]);
      const { pid } = probes.state(container);
      assert.match(probes.bed.rune("ps", container).stdout, /^UID +PID .*\n.*init-runelet/u);
      assert.match(probes.bed.rune("ps", container, "-o", "pid,comm").stdout, new RegExp(`^ *PID .*\\n *${pid} `, "u"));
      const stats = JSON.parse(probes.bed.rune("events", "--stats", container).stdout) as { type: string; id: string };
      assert.deepEqual([stats.type, stats.id], ["stats", container]);
      assert.equal(probes.bed.rune("pause", container).status, 0);
      assert.equal(probes.state(container).status, "paused");
      assert.equal(probes.bed.rune("resume", container).status, 0);
      assert.equal(probes.state(container).status, "running");
      probes.remove(container);
    });
  });

  describe("update", () => {
    it("takes flags, a file and standard input", () => {
      const { container } = probes.created(["sleep"]);
      const file = probes.bed.path("resources.json");
      writeFileSync(file, '{"pids":{"limit":101}}');
      const input = '{"pids":{"limit":102}}';
      assert.equal(probes.bed.rune("update", "--pids-limit", "100", container).status, 0);
      assert.deepEqual(pidsLimit(container), "100");
      assert.equal(probes.bed.rune("update", "-r", file, container).status, 0);
      assert.deepEqual(pidsLimit(container), "101");
      assert.equal(probes.bed.runeWith({ input }, "update", "--resources=-", container).status, 0);
      assert.deepEqual(pidsLimit(container), "102");
      probes.remove(container);
    });

    it("refuses what init-runelet could not live with, and what is no resource", () => {
      const { container } = probes.created(["sleep"]);
      assertRefused(probes.bed.rune("update", "--pids-limit", "5", container), /is 5; .* at least/u, "ERR_PIDS_LIMIT");
      assertRefused(probes.bed.rune("update", "--memory", "16m", container), /is 16777216 bytes/u, "ERR_MEMORY_LIMIT");
      for (const [input, text, code] of [
        ['{"pids":{"limit":3}}', /is 3; .* at least/u, "ERR_PIDS_LIMIT"],
        ['{"memory":{"limit":4096}}', /is 4096 bytes/u, "ERR_MEMORY_LIMIT"],
        ['{"memory":{"limit":"1g"}}', /memory\.limit: expected an integer/u, "ERR_OCI_SPEC"],
        ["", /standard input: expected a value/u, "ERR_OCI_SPEC"],
      ] as const)
        assertRefused(probes.bed.runeWith({ input }, "update", "-r", "-", container), text, code);
      assertRefused(probes.bed.rune("update", "-r", "/nowhere", container), /cannot read/u, "ERR_FILE");
      probes.remove(container);
    });
  });

  describe("exec --process", () => {
    it("refuses a file of which something is wrong, with its path, and one that has no end", () => {
      const { container } = probes.started(["sleep"]);
      const file = probes.bed.path("process.json");
      writeFileSync(file, '{"cwd":"/","args":["/app.wasm"],"rlimits":[{"type":"RLIMIT_NOFILE","soft":9,"hard":8}]}');
      const wrong = probes.bed.rune("exec", "--process", file, container);
      assertRefused(wrong, /rlimits\[0\]\.soft: expected at most the hard limit 8, got 9/u, "ERR_OCI_SPEC", 255);
      for (const name of ["/nowhere", "/dev/zero"])
        assertRefused(probes.bed.rune("exec", "-p", name, container), /cannot read/u, "ERR_FILE", 255);
      probes.remove(container);
    });
  });

  describe("checkpoint and restore", () => {
    it("are refused with their reason, also for a bundle that only asks for an enclave", () => {
      const { container } = probes.created(["sleep"]);
      const folder = probes.bundle(["sleep"]);
      for (const words of [
        ["checkpoint", container],
        ["restore", container],
        ["restore", "-b", folder, probes.id()],
      ])
        assertRefused(probes.bed.rune(...words), /does not leave|do not leave/u, "ERR_CHECKPOINT_UNSUPPORTED");
      assert.equal(probes.state(container).status, "created");
      probes.remove(container);
    });
  });

  describe("spec", () => {
    it("is runc's, and with --enclave a bundle's that runs", () => {
      const folder = probes.bundle(["exit", "0"]);
      const plain = probes.bed.path("plain-spec");
      mkdirSync(plain);
      assert.equal(probes.bed.rune("spec", "--bundle", plain).status, 0);
      assert.doesNotMatch(readFileSync(join(plain, "config.json"), "utf8"), /enclave/u);
      assertRefused(probes.bed.rune("spec", "--enclave", "-b", folder), /exists\. Remove it first/u, "ERR_FILE");
      const { status } = probes.bed.rune("spec", "--enclave", "-b", join(folder, "rootfs"));
      assert.equal(status, 0);
      const spec = JSON.parse(readFileSync(join(folder, "rootfs", "config.json"), "utf8")) as MutableSpec;
      spec.process.terminal = false;
      spec.process.args.push("exit", "4");
      writeFileSync(join(folder, "config.json"), JSON.stringify(spec));
      assert.equal(probes.bed.rune("run", "-b", folder, probes.id()).status, 4);
    });
  });

  describe("list", () => {
    it("shows the caller's bundle in every form", () => {
      const { container } = probes.created(["sleep"]);
      const { bundle } = probes.state(container);
      const lines = (...words: string[]): string[] =>
        probes.bed
          .rune("list", ...words)
          .stdout.trim()
          .split("\n");
      assert.ok(lines("-q").includes(container));
      assert.deepEqual(lines("-q", "-f", "json"), lines("--quiet"));
      const listed = JSON.parse(lines("--format", "json").join("")) as { id: string; bundle: string; status: string }[];
      const found = listed.find(({ id }) => id === container);
      assert.deepEqual([found?.bundle, found?.status], [bundle, "created"]);
      assertRefused(probes.bed.rune("list", "--format", "xml"), /invalid format option/u, "ERR_USAGE");
      probes.remove(container);
    });
  });

  describe("wrong usage", () => {
    it("ends with 1, in runc's words, for every command", () => {
      const { container } = probes.created(["sleep"]);
      for (const [words, text] of [
        [["state", "--bogus", container], /flag provided but not defined: -bogus/u],
        [["state", container, "more"], /\\"state\\" requires exactly 1 argument/u],
        [["kill", container, "TERM", "more"], /\\"kill\\" requires a maximum of 2 argument/u],
        [["delete", "--force=maybe", container], /invalid boolean value \\"maybe\\" for -force/u],
        [["exec", "--bogus", container, "x"], /flag provided but not defined: -bogus/u],
        [["exec", "--preserve-fds", "x", container, "x"], /invalid value \\"x\\" for flag -preserve-fds/u],
        [["create", "-b", probes.bundle([]), "--preserve-fds", "x", probes.id()], /invalid value \\"x\\"/u],
        [["--bogus", "state", container], /flag provided but not defined: -bogus/u],
        [["--log-format", "xml", "state", container], /invalid log-format: xml/u],
      ] as const)
        assertRefused(probes.bed.rune(...words), text, "ERR_USAGE");
      const plain = probes.bed.rune("--bogus", "state", "nobody");
      assert.match(plain.stderr, /flag provided but not defined: -bogus"\n$/u, "runc's own words");
      assertRefused(probes.bed.rune("exec", "-u", "root", container, "x"), /invalid value \\"root/u, "ERR_USAGE", 255);
      assertRefused(probes.bed.rune("exec", container), /process args cannot be empty/u, "ERR_PROCESS_ARGS", 255);
      assertRefused(
        probes.bed.rune("exec", "--cwd", "x", container, "/a"),
        /cwd: expected an abs/u,
        "ERR_OCI_SPEC",
        255,
      );
      probes.remove(container);
    });
  });

  describe("the log", () => {
    it("is there although nothing failed, and ends with the error, as JSON or as text", () => {
      const { container } = probes.created(["sleep"]);
      const file = probes.bed.path("log");
      assert.equal(probes.bed.rune("--log", file, "--log-format", "json", "state", container).status, 0);
      assert.equal(readFileSync(file, "utf8"), "");
      const failed = probes.bed.rune("--log", file, "--log-format", "json", "kill", container, "FOO");
      const entry = JSON.parse(readFileSync(file, "utf8")) as { level: string; msg: string; time: string };
      assert.deepEqual([entry.level, entry.msg], ["error", 'unknown signal "FOO" (ERR_SIGNAL_UNKNOWN)']);
      assert.match(entry.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u);
      assert.equal(failed.stderr, 'unknown signal "FOO" (ERR_SIGNAL_UNKNOWN)\n');
      const text = probes.bed.path("log.txt");
      probes.bed.rune("--log", text, "kill", container, "FOO");
      assert.match(readFileSync(text, "utf8"), /^time="[^"]+" level=error msg="unknown signal \\"FOO\\" .*"\n$/u);
      probes.remove(container);
    });

    it("that cannot be written is a warning", () => {
      const { container } = probes.created(["sleep"]);
      const { status, stderr, stdout } = probes.bed.rune("--log", "/nowhere/log", "state", container);
      assert.equal(status, 0);
      assert.match(stderr, /level=warning msg="cannot write the log \/nowhere\/log/u);
      assert.match(stdout, /"status": "created"/u);
      probes.remove(container);
    });

    it("level changes nothing about errors, and reaches a plain container's runtime as --debug", () => {
      const { container } = probes.created(["sleep"]);
      const { stderr } = probes.bed.rune("--log-level", "debug", "kill", container, "FOO");
      assert.match(stderr.trimEnd().split("\n").at(-1) ?? "", /unknown signal/u);
      const plain = probes.bed.rune("--log-level", "debug", "state", "nobody");
      assert.deepEqual([plain.status, /container does not exist/u.test(plain.stderr)], [1, true]);
      probes.remove(container);
    });
  });

  describe("version and features", () => {
    it("are there in the form that dockerd reads, without a low-level runtime too", () => {
      const config = probes.bed.path("no-runc.toml");
      writeFileSync(config, '[rune]\nruntime = "/nowhere/runc"\n');
      for (const env of [{}, { INCLAVARE_CONFIG: config }]) {
        const { status, stdout } = probes.bed.runeWith({ env }, "--version");
        assert.equal(status, 0);
        assert.match(stdout, /^rune version \d+\.\d+\.\d+\ncommit: \S+\nspec: \d\S*\nlow-level: .+\n$/u);
        assert.equal(stdout.match(/version/gu)?.length, 1, "dockerd takes the last one");
      }
    });

    it("say what enclaves there are, also over a runtime that has no such command", () => {
      const config = probes.bed.path("old-runc.toml");
      const old = probes.bed.path("old-runc");
      writeFileSync(old, "#!/bin/sh\nexit 3\n", { mode: 0o755 });
      writeFileSync(config, `[rune]\nruntime = "${old}"\nstate = "${probes.bed.path("rune")}"\n`);
      for (const env of [{}, { INCLAVARE_CONFIG: config }]) {
        const { stdout, stderr } = probes.bed.runeWith({ env }, "features");
        const features = JSON.parse(stdout) as { [key: string]: unknown; annotations: Record<string, string> };
        const types = features.annotations["org.inclavare-containers.enclave.types"]?.split(",");
        assert.ok(types?.includes("simulated"), stderr);
        assert.ok((features["potentiallyUnsafeConfigAnnotations"] as string[]).includes("enclave.type"));
        assert.equal(typeof features["ociVersionMax"], "string");
      }
    });
  });
});

/** What the kernel has, in whatever version of cgroups. */
function pidsLimit(container: string): string {
  const { pid } = probes.state(container);
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  const line = lines.find((one) => /:pids:/u.test(one)) ?? lines.find((one) => one.startsWith("0::")) ?? "";
  const path = line.split(":").slice(2).join(":");
  const file = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map((top) => join(top, path, "pids.max")).find(existsSync);
  return file === undefined ? "" : readFileSync(file, "utf8").trim();
}
