import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InclavareError } from "@inclavare/errors";
import { type CommandContext, defineCommand, printTable, type Program, runProgram } from "./index.ts";

const seen: CommandContext[] = [];
const program: Program = {
  name: "tool",
  summary: "does things",
  version: "1.2.3",
  commands: [
    defineCommand({
      name: "make",
      summary: "makes one",
      positionals: ["IMAGE", "DIR?"],
      options: {
        output: { type: "string", short: "o", value: "FILE", help: "where to" },
        allow: { type: "string", multiple: true, help: "what to allow" },
        fast: { type: "boolean", help: "hurry" },
        format: { type: "string", choices: ["text", "json"], help: "form" },
      },
      run: async (context) => {
        seen.push(context);
        if (context.positionals[0] === "bad") throw new InclavareError("ERR_FILE", "cannot read bad");
        return context.positionals[0] === "seven" ? 7 : undefined;
      },
    }),
    defineCommand({ name: "list add", summary: "adds", positionals: ["NAME..."], options: {}, run: async () => 3 }),
    defineCommand({ name: "list", summary: "lists", positionals: [], options: {}, run: async () => 4 }),
  ],
};

async function call(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "";
  let err = "";
  const code = await runProgram(program, argv, {
    stdout: { write: (t) => (out += t) },
    stderr: { write: (t) => (err += t) },
  });
  return { code, out, err };
}

describe("runProgram", () => {
  it("gives flags, repeats and arguments to the command", async () => {
    assert.equal((await call("make", "img", "-o", "x", "--allow", "a,b", "--allow", "c")).code, 0);
    const { values, positionals } = seen.at(-1) ?? assert.fail();
    assert.deepEqual({ ...values }, { output: "x", allow: ["a,b", "c"], fast: false, format: undefined });
    assert.deepEqual(positionals, ["img"]);
  });

  it("returns the command's exit code, and prefers the longest name", async () => {
    assert.equal((await call("make", "seven")).code, 7);
    assert.equal((await call("list", "add", "x", "y")).code, 3);
    assert.equal((await call("list")).code, 4);
  });

  for (const [what, argv] of [
    ["no command", []],
    ["an unknown command", ["brew"]],
    ["an unknown flag", ["make", "img", "--slow"]],
    ["a missing argument", ["make"]],
    ["a surplus argument", ["make", "a", "b", "c"]],
    ["a value that is no choice", ["make", "a", "--format", "xml"]],
    ["a flag without its value", ["make", "a", "--output"]],
  ] as const) {
    it(`exits 2 on ${what}`, async () => {
      const { code, err } = await call(...argv);
      assert.equal(code, 2);
      assert.match(err, /^tool: .*\[ERR_USAGE\]\n$/u);
    });
  }

  it("prints an error of the command with its code and exits 1", async () => {
    assert.deepEqual(await call("make", "bad"), { code: 1, out: "", err: "tool: cannot read bad [ERR_FILE]\n" });
  });

  it("prints version, help of the program, and help of a command", async () => {
    assert.equal((await call("--version")).out, "tool version 1.2.3\n");
    assert.match((await call("--help")).out, /list add \[NAME\.\.\.\]/u);
    assert.match((await call("make", "--help")).out, /-o, --output FILE {2,}where to/u);
    assert.match((await call("help", "make")).out, /usage: tool make IMAGE \[DIR\]/u);
  });
});

describe("printTable", () => {
  it("pads all but the last column", () => {
    let text = "";
    printTable({ write: (t) => (text += t) }, [
      ["A", "B"],
      ["long", "c"],
    ]);
    assert.equal(text, "A     B\nlong  c\n");
  });
});
