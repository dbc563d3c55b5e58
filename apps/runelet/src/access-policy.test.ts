import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { signalNumber } from "@inclavare/linux";
import { libraryPolicy } from "./access-policy.ts";

describe("libraryPolicy", () => {
  const directory = mkdtempSync(join(tmpdir(), "inclavare-policy-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, "bin", "folder"), { recursive: true });
  writeFileSync(join(directory, "bin", "tool"), "");
  chmodSync(join(directory, "bin", "tool"), 0o755);
  writeFileSync(join(directory, "bin", "data"), "");
  const policy = libraryPolicy();
  const resolve = (...args: string[]): readonly string[] =>
    policy.resolve({ args, env: [`PATH=/nowhere:${join(directory, "bin")}`], cwd: "/" }, { exec: false }).args;

  it("gives a program of the container its full path, and leaves what a library OS may have", () => {
    assert.deepEqual(resolve("tool", "a b", ""), [join(directory, "bin", "tool"), "a b", ""]);
    for (const name of ["missing", "data", "folder", "./tool", "/bin/tool"]) assert.deepEqual(resolve(name), [name]);
  });

  it("looks relative folders of PATH up from the working directory", () => {
    const { args } = policy.resolve({ args: ["tool"], env: ["PATH=bin"], cwd: directory }, { exec: true });
    assert.deepEqual(args, [join(directory, "bin", "tool")]);
  });

  it("refuses to run nothing", () => {
    assert.throws(() => resolve(), { code: "ERR_PROCESS_ARGS" });
    assert.throws(() => resolve(""), { code: "ERR_PROCESS_ARGS" });
  });

  it("passes signals that are sent on purpose, and none of the kernel's own", () => {
    assert.ok(policy.passes(signalNumber("TERM")) && policy.passes(signalNumber("USR1")));
    for (const name of ["CHLD", "WINCH", "URG", "PIPE", "SEGV"]) assert.ok(!policy.passes(signalNumber(name)), name);
  });
});
