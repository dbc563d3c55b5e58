/**
 * bin/rune decides in C what is surely plain. Whatever it hands to the low-level runtime, rune must hand over as well,
 * with the same arguments; and what callers do every day must not need Node.js.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { compileStatic } from "../../tools/build/compile.ts";
import { compile } from "../support/compile.ts";

const root = join(import.meta.dirname, "..", "..");
/** Says everything about itself that its caller could have changed. */
const RECORDER = `
#include <stdio.h>
#include <dirent.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) {
  char line[512], cwd[512];
  for (int i = 0; i < argc; i++) printf("arg %s\\n", argv[i]);
  for (char **e = environ; *e; e++) printf("env %s\\n", *e);
  printf("cwd %s\\n", getcwd(cwd, sizeof cwd));
  DIR *fds = opendir("/proc/self/fd");
  for (struct dirent *d; (d = readdir(fds));) if (d->d_name[0] != '.') printf("fd %s\\n", d->d_name);
  FILE *status = fopen("/proc/self/status", "r");
  while (fgets(line, sizeof line, status)) if (line[0] == 'S' && line[1] == 'i' && line[2] == 'g') fputs(line, stdout);
  return 42;
}`;

const directory = mkdtempSync(join(tmpdir(), "inclavare-launcher-"));
const launcher = join(directory, "bin", "rune");
const recorder = join(directory, "runtime");
const config = join(directory, "config.toml");
const state = join(directory, "state");
const BASE = `[rune]\nruntime = "${recorder}" # what makes containers\nstate = "${state}"\n`;
const PLAIN = '{"ociVersion":"1.0.2","process":{"args":["sh"],"env":["PATH=/bin"],"cwd":"/"},"root":{"path":"rootfs"}}';

interface Outcome {
  /** What the low-level runtime was given; undefined where rune itself was started, or refused. */
  readonly record: string | undefined;
}

function outcomeOf(program: string, args: readonly string[]): Outcome {
  const env = { PATH: process.env["PATH"] ?? "", INCLAVARE_CONFIG: config, MARK: "1" };
  const { status, stdout } = spawnSync(program, args, { cwd: directory, env, encoding: "utf8", timeout: 20_000 });
  return { record: status === 42 ? stdout : undefined };
}

const launched = (...argv: string[]): Outcome => outcomeOf(launcher, argv);
const dispatched = (...argv: string[]): Outcome =>
  outcomeOf(process.execPath, [join(root, "apps", "rune", "src", "main.ts"), ...argv]);
const argumentsIn = (record: string | undefined): string[] =>
  (record ?? "").split("\n").filter((line) => line.startsWith("arg "));

function bundle(name: string, text: string): string {
  mkdirSync(join(directory, name), { recursive: true });
  writeFileSync(join(directory, name, "config.json"), text);
  return join(directory, name);
}

/** What dockerd's and containerd's shims, podman and people call. */
const EVERYDAY: readonly (readonly string[])[] = [
  ["--root", "/r", "--log", "/l", "--log-format", "json", "create", "--bundle", "plain", "--pid-file", "/p", "c1"],
  [
    "--root=/r",
    "--log=/l",
    "--log-format=json",
    "--systemd-cgroup",
    "create",
    "-b",
    "plain",
    "--console-socket",
    "/s",
    "c1",
  ],
  ["--root", "/r", "start", "c1"],
  ["--debug", "--root", "/r", "state", "c1"],
  ["--root", "/r", "exec", "--process", "/f", "--console-socket", "/s", "--detach", "--pid-file", "/p", "c1"],
  ["exec", "-t", "-e", "A=b", "c1", "sh", "-c", "echo a"],
  ["--root", "/r", "kill", "--all", "c1", "15"],
  ["kill", "c1", "KILL"],
  ["--root", "/r", "delete", "--force", "c1"],
  ["ps", "--format", "json", "c1"],
  ["pause", "c1"],
  ["resume", "c1"],
  ["update", "--resources=-", "c1"],
  ["events", "--stats", "c1"],
  ["run", "-d", "--bundle=plain", "--keep", "--no-pivot", "--no-new-keyring", "--preserve-fds", "0", "c1"],
];

/** Whatever needs a second look. */
const DOUBTFUL: readonly (readonly string[])[] = [
  ["create", "-b", "annotated", "c1"],
  ["create", "-b", "variable", "c1"],
  ["create", "-b", "escaped", "c1"],
  ["run", "-b", "shouted", "c1"],
  ["create", "-b", "missing", "c1"],
  ["create", "-b", "folder", "c1"],
  ["create", "--unknown", "-b", "plain", "c1"],
  ["create", "-b", "plain", "ours"],
  ["state", "ours"],
  ["delete", "--force", "ours"],
  ["exec", "--unknown", "x", "ours"],
  ["--unknown", "state", "c1"],
  ["state", "--help"],
  ["--help"],
  ["--version"],
  ["features"],
  ["list"],
  ["attest", "c1"],
  ["restore", "-b", "plain", "c1"],
  ["nonsense"],
  [],
];

describe("bin/rune", () => {
  before(() => {
    mkdirSync(join(directory, "lib", "inclavare"), { recursive: true });
    const node = join(directory, "lib", "inclavare", "node");
    writeFileSync(node, "#!/bin/sh\nexit 43\n");
    chmodSync(node, 0o755);
    compileStatic(join(root, "apps", "rune", "launcher", "launcher.c"), launcher);
    writeFileSync(recorder, compile(RECORDER), { mode: 0o755 });
    bundle("plain", PLAIN);
    bundle("annotated", PLAIN.replace("{", '{"annotations":{"enclave.type":"simulated"},'));
    bundle("variable", PLAIN.replace("PATH=/bin", "ENCLAVE_TYPE=simulated"));
    bundle("escaped", PLAIN.replace("{", '{"annotations":{"\\u0065nclave.type":"simulated"},'));
    bundle("shouted", PLAIN.replace("sh", "EnClAvE.x"));
    mkdirSync(join(directory, "folder", "config.json"), { recursive: true });
    mkdirSync(join(state, "0123456789abcdef", "ours"), { recursive: true });
  });
  beforeEach(() => writeFileSync(config, BASE));
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const argv of EVERYDAY) {
    it(`hands over: ${argv.join(" ")}`, () => {
      const { record } = launched(...argv);
      assert.deepEqual(
        argumentsIn(record),
        ["runc", ...argv].map((word) => `arg ${word}`),
      );
      assert.deepEqual(argumentsIn(dispatched(...argv).record), argumentsIn(record));
    });
  }

  for (const argv of DOUBTFUL) {
    it(`leaves to rune: ${argv.join(" ")}`, () => assert.equal(launched(...argv).record, undefined));
  }

  it("changes nothing of what the low-level runtime inherits", () => {
    const direct = outcomeOf(recorder, ["state", "c1"]).record?.replace(`arg ${recorder}`, "arg runc");
    assert.equal(launched("state", "c1").record, direct);
  });

  for (const [what, text] of [
    ["a configuration that is no TOML", "[rune"],
    ["an unknown key", `${BASE}stat = "/x"\n`],
    ["a key twice", `${BASE}state = "/x"\n`],
    ["a key of another table", `${BASE}socket = "/x"\n`],
    ["a relative path", '[rune]\nstate = "x"\n'],
    ["an escape in a string", '[rune]\nstate = "/x\\u0041"\n'],
    ["a default enclave", `${BASE}[rune.default_enclave]\ntype = "simulated"\nruntime = "wasm"\n`],
    ["a runtime that is not there", '[rune]\nruntime = "/nowhere/runc"\n'],
  ] as const) {
    it(`leaves to rune: ${what}`, () => {
      writeFileSync(config, text);
      assert.equal(launched("state", "c1").record, undefined);
    });
  }

  it("leaves containers to rune where an enclave is required, and other commands not", () => {
    writeFileSync(config, `${BASE}require_enclave = true\n`);
    assert.equal(launched("create", "-b", "plain", "c1").record, undefined);
    assert.notEqual(launched("state", "c1").record, undefined);
  });

  it("understands the configuration that an operator writes", () => {
    const more =
      'pals = ["/a.so", "/b.so"]\nrequire_enclave = false\n\n[attesterd]\nsocket = "/s" # here\nplatform="/p"\n';
    writeFileSync(config, `# ours\n\n${BASE}payload = "/p"\n${more}`);
    assert.notEqual(launched("state", "c1").record, undefined);
  });

  it("never hands over what rune would not", () => {
    const flag = fc.constantFrom(
      "--root",
      "/r",
      "--root=/r",
      "--debug",
      "--log",
      "/l",
      "-b",
      "plain",
      "annotated",
      "--bundle",
      "--bundle=plain",
      "-d",

      "--detach=true",
      "--",
      "-",
      "",
      "--no-pivot",
      "--preserve-fds",
      "1",
      "c1",
      "ours",
      "x/y",
      "--help",
      "-h",
      "-e",
      "A=b",
    );
    const command = fc.constantFrom(
      "create",
      "run",
      "start",
      "state",
      "exec",
      "kill",
      "delete",
      "list",
      "ps",
      "update",
      "spec",
    );
    const line = fc.constantFrom(
      "",
      "# note",
      "require_enclave = true",
      "require_enclave = yes",
      'pals = ["/x"]',
      'pals = ["x"]',
      "pals = []",
      "[attesterd]",
      'socket = "/s"',
      "[rune]",
      "other = 1",
      '  payload  =  "/p"  # p',
      "payload = '/p'",
    );
    fc.assert(
      fc.property(
        fc.array(flag, { maxLength: 2 }),
        command,
        fc.array(flag, { maxLength: 4 }),
        fc.array(line, { maxLength: 3 }),
        (globals, name, words, lines) => {
          writeFileSync(config, `${BASE}${lines.join("\n")}\n`);
          const argv = [...globals, name, ...words];
          const { record } = launched(...argv);
          if (record === undefined) return;
          assert.deepEqual(
            argumentsIn(dispatched(...argv).record),
            argumentsIn(record),
            `${argv.join(" ")}\n${readFileSync(config, "utf8")}`,
          );
        },
      ),
      { numRuns: Number(process.env["NUM_RUNS"] ?? 60) },
    );
  });
});
