/**
 * `inclavare pal check` on the skeleton, and on broken libraries: each is the skeleton with one function that is wrong in
 * one way.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { BIN } from "../support/testbed.ts";

const root = join(import.meta.dirname, "..", "..");
const SOURCES = join(root, "packages", "pal", "test", "broken");
const SKELETON = join(root, "runtimes", "skeleton");
const PALS = join(BIN, "..", "lib", "inclavare", "pals");
const skip = existsSync(join(BIN, "inclavare")) ? false : "requires build: run make setup";
/** For libraries that hang: the others are done long before. */
const DEADLINE_MS = 3000;

/** What each library does wrong: the checks that find it, and what the first of them says. */
const BROKEN: Readonly<Record<string, readonly [checks: readonly string[], says: RegExp]>> = {
  "accepts-second-init": [["init-twice"], /second init succeeded/u],
  "arguments-joined": [["arguments"], /arguments is "<two>\\n<words>/u],
  "closes-streams": [["exit-value"], /descriptor \d+, which was lent as a standard stream, was closed/u],
  "crashes-in-exec": [["exit-value", "structure-layout"], /SIGSEGV .*exec/u],
  "ends-everything": [["exit-value", "structure-layout"], /ended with status 1 .*exec/u],
  "environment-dropped": [["environment"], /does not have "CHECK_SPACES=two words"/u],
  "exit-value-unwritten": [["exit-value"], /reported nothing as exit value/u],
  "hangs-in-init": [["init"], /init has not returned after 3000 ms/u],
  "hangs-in-version": [["load"], /pal_get_version of .* did not return within 5 s/u],
  "kill-ignored": [["kill", "after-destroy"], /kill with signal 15 succeeded, but process \d+ has not ended/u],
  "kills-everybody": [["kill"], /kill of process \d+ ended process \d+ too/u],
  "lives-after-destroy": [["after-destroy"], /after destroy succeeded/u],
  "missing-symbol": [["load"], /lacks pal_kill/u],
  "number-zero": [["exit-value"], /process number 0, expected more than 0/u],
  "one-at-a-time": [["two-at-once"], /exec \(2 times\) has not returned/u],
  "packed-exec-args": [["exit-value", "structure-layout"], /SIGSEGV/u],
  "positive-failure": [["missing-program", "after-destroy"], /returned 2, expected 0 .*negative errno/u],
  "positive-success": [["exit-value"], /returned 1, expected 0/u],
  "runs-unknown-process": [["unknown-process", "after-destroy"], /nobody made, succeeded/u],
  "same-number": [["process-numbers", "two-at-once"], /numbers 1, 1, 1, 1/u],
  "short-report": [["local-report"], /report of 384 bytes/u],
  "version-9": [["load"], /version 9/u],
  "wait-status": [["exit-value"], /reported 1792 as exit value/u],
};

/** What the versions do not have. */
const ABSENT: Readonly<Record<string, readonly string[]>> = {
  1: [
    "structure-layout",
    "environment",
    "process-numbers",
    "unknown-process",
    "kill",
    "kill-all",
    "kill-unknown",
    "local-report",
  ],
  2: ["local-report"],
  3: [],
};

interface Check {
  readonly name: string;
  readonly result: "ok" | "failed" | "skipped";
  readonly message?: string;
  readonly specification: string;
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let directory = "";

async function run(program: string, ...args: string[]): Promise<Outcome> {
  const running = promisify(execFile)(program, args, { timeout: 120_000, killSignal: "SIGKILL" });
  return await running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: Outcome & { code: number | null }) => ({ ...error, code: error.code ?? -1 }),
  );
}

async function compile(source: string, ...flags: string[]): Promise<string> {
  const library = join(directory, `${basename(source, ".c")}${flags.join("")}.so`);
  const include = [join(root, "packages", "pal", "include"), SKELETON].map((path) => `-I${path}`);
  const others = ["programs.c", "options.c", "report.c"].map((name) => join(SKELETON, name));
  const warnings = ["-Wall", "-Wextra", "-Werror"];
  const { code, stderr } = await run(
    "cc",
    "-shared",
    "-fPIC",
    "-pthread",
    ...warnings,
    ...include,
    ...flags,
    "-o",
    library,
    join(SOURCES, source),
    ...others,
  );
  assert.equal(code, 0, stderr);
  return library;
}

async function check(library: string): Promise<{ code: number; failed: readonly Check[]; checks: readonly Check[] }> {
  const profile = join(directory, "profile.json");
  const { code, stdout, stderr } = await run(
    join(BIN, "inclavare"),
    "pal",
    "check",
    library,
    "--profile",
    profile,
    "-o",
    "json",
  );
  assert.ok(code === 0 || code === 1, stderr);
  const { checks, passed } = JSON.parse(stdout) as { checks: readonly Check[]; passed: boolean };
  assert.equal(passed, code === 0);
  return { code, checks, failed: checks.filter(({ result }) => result === "failed") };
}

describe("inclavare pal check", { skip, concurrency: 2 }, () => {
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "inclavare-e2e-pal-"));
    writeFileSync(join(directory, "profile.json"), JSON.stringify({ deadlineMs: DEADLINE_MS }));
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  for (const [version, absent] of Object.entries(ABSENT)) {
    it(`finds nothing wrong with the skeleton of version ${version}`, async () => {
      const { code, failed, checks } = await check(join(PALS, `liberpal-skeleton-v${version}.so`));
      assert.deepEqual(failed, []);
      assert.equal(code, 0);
      const skipped = checks.filter(({ result }) => result === "skipped");
      assert.deepEqual(
        skipped.map(({ name }) => name),
        absent,
      );
    });
  }

  it("knows every broken library here", () => {
    const sources = readdirSync(SOURCES).map((name) => basename(name, ".c"));
    assert.deepEqual(sources.toSorted(), Object.keys(BROKEN).toSorted());
  });

  for (const [name, [wanted, says]] of Object.entries(BROKEN)) {
    it(`diagnoses ${name}`, async () => {
      const { code, failed } = await check(await compile(`${name}.c`));
      assert.equal(code, 1);
      assert.deepEqual(
        failed.map((each) => each.name),
        wanted,
        JSON.stringify(failed),
      );
      assert.match(failed[0]?.message ?? "", says);
    });
  }

  it("takes the exit values of Occlum's library for what they are", async () => {
    const library = join(directory, "libocclum-pal.so");
    copyFileSync(await compile("wait-status.c", "-O1"), library);
    assert.deepEqual((await check(library)).failed, []);
  });

  it("tells the packed layout from a crash", async () => {
    const { failed } = await check(await compile("packed-exec-args.c", "-O1"));
    assert.match(failed.find(({ name }) => name === "structure-layout")?.message ?? "", /offset 4/u);
  });

  it("prints a table with what the specification says", async () => {
    const { code, stdout } = await run(join(BIN, "inclavare"), "pal", "check", await compile("version-9.c", "-O2"));
    assert.equal(code, 1);
    assert.match(stdout, /^failed +load +version-9-O2\.so speaks .*\n +specification: A library loads/mu);
    assert.match(stdout, /^\d+ checks: 1 ok, 1 failed, \d+ skipped$/mu);
  });

  it("refuses a path that leads to no library, and a profile that is none", async () => {
    const missing = await run(join(BIN, "inclavare"), "pal", "check", join(directory, "missing.so"));
    assert.equal(missing.code, 1);
    assert.match(missing.stdout, /^failed +closure .*missing\.so does not exist/mu);
    assert.match(missing.stdout, /^failed +load/mu);
    const profile = join(directory, "wrong.json");
    writeFileSync(profile, `{"programs": {"exits": {"path": "/bin/exit"}}}`);
    const wrong = await run(
      join(BIN, "inclavare"),
      "pal",
      "check",
      join(directory, "missing.so"),
      "--profile",
      profile,
    );
    assert.match(wrong.stderr, /programs\.exits\.argv: expected to be there \[ERR_PAL_PROFILE\]/u);
  });
});
