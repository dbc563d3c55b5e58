import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isOn, lastValue, parseInvocation } from "./parse.ts";

const line = (text: string) => parseInvocation(text.split(" ").filter((word) => word !== ""));

describe("parseInvocation", () => {
  it("reads what the shim writes", () => {
    const { globals, command, flags } = line(
      "--root /r/ns --log /b/log.json --log-format json --systemd-cgroup create --bundle /b --pid-file /b/init.pid x",
    );
    assert.equal(command, "create");
    assert.equal(lastValue(globals, "log"), "/b/log.json");
    assert.equal(isOn(globals, "systemd-cgroup"), true);
    assert.ok(flags !== undefined);
    assert.equal(lastValue(flags, "pid-file"), "/b/init.pid");
    assert.deepEqual(flags.positionals, ["x"]);
  });

  it("takes one dash or two, an equals sign, one letter, and flags after the id", () => {
    const { flags } = line("create x -b=/b --preserve-fds=2 -no-pivot");
    assert.ok(flags !== undefined);
    assert.deepEqual([lastValue(flags, "bundle"), lastValue(flags, "preserve-fds")], ["/b", "2"]);
    assert.equal(isOn(flags, "no-pivot"), true);
    assert.deepEqual(flags.positionals, ["x"]);
  });

  it("leaves the command of an exec alone, and repeats lists", () => {
    const { flags } = line("exec -e A=1,2 --env B=2 -t x ls -l --force");
    assert.deepEqual(flags?.values.get("env"), ["A=1,2", "B=2"]);
    assert.deepEqual(flags?.positionals, ["x", "ls", "-l", "--force"]);
  });

  it("keeps a switch that is turned off off", () => {
    const { flags } = line("delete --force=false x");
    assert.ok(flags !== undefined);
    assert.equal(isOn(flags, "force"), false);
  });

  it("notes an unknown flag and a missing value", () => {
    assert.deepEqual(line("state --bogus x").flags?.problems, ["flag provided but not defined: -bogus"]);
    assert.deepEqual(line("create x --bundle").flags?.problems, ["flag needs an argument: -bundle"]);
    assert.deepEqual(line("kill -9 x").flags?.problems, ["flag provided but not defined: -9"]);
  });

  it("notes a switch with a value that Go takes for neither true nor false", () => {
    const problem = 'invalid boolean value "x" for -force: parse error';
    assert.deepEqual(line("delete --force=x y").flags?.problems, [problem]);
  });

  it("takes names from the prototype chain for unknown", () =>
    assert.equal(line("state --constructor x").flags?.problems.length, 1));

  it("does not read commands that are not ours", () => assert.equal(line("events --interval 5s x").flags, undefined));
});
