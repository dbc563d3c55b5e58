import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addImport, addRuntimes, removeRuntimes } from "./edit.ts";

const RUNTIMES = { rune: { runtime_type: "io.containerd.rune.v2", options: { ConfigPath: "/o.toml" } } };
const CRI = '[plugins."io.containerd.grpc.v1.cri".containerd';

describe("addRuntimes and removeRuntimes", () => {
  for (const [what, text] of [
    ["a small file", "version = 2\n"],
    ["comments and other runtimes", `# ours\nversion = 2\n${CRI}] # here\n  ${CRI}.runtimes.runc]\n    x = 1 # one\n`],
    ["no last line end", "version = 2"],
    ["CRLF", "version = 2\r\n[debug]\r\nlevel = 'warn'\r\n"],
    ["version 3", "version = 3\n"],
  ] as const) {
    it(`add at the end and give back, with ${what}`, () => {
      const added = addRuntimes(text, RUNTIMES, "c");
      assert.ok(added.startsWith(text));
      assert.equal(added.includes("\r\n"), text.includes("\r\n"));
      assert.equal(/(?<!\r)\n/u.test(added), !text.includes("\r\n"));
      assert.equal(removeRuntimes(added, ["rune"], "c").trimEnd(), text.trimEnd());
    });
  }

  it("refuse runtimes to which no table can be added", () => {
    for (const text of [
      'version = 2\nplugins."io.containerd.grpc.v1.cri".containerd.runtimes = { runc = { runtime_type = "x" } }\n',
      `version = 2\n${CRI}]\nruntimes = {}\n`,
    ])
      assert.throws(() => addRuntimes(text, RUNTIMES, "c"), { code: "ERR_CONTAINERD_CONFIG" });
  });

  it("refuse to take out what stands in an inline table", () => {
    const text = `version = 2\n${CRI}]\nruntimes = { rune = { x = 1 } }\n`;
    assert.throws(() => removeRuntimes(text, ["rune"], "c"), { code: "ERR_CONTAINERD_CONFIG" });
  });

  it("take out tables wherever they stand, and leave their neighbours' comments", () => {
    const text = `version = 2\n${CRI}.runtimes.rune]\n  a = 1 # a\n\n# about runc\n${CRI}.runtimes.runc]\n  b = 1\n${CRI}.runtimes.rune.options]\n`;
    const rest = `version = 2\n\n# about runc\n${CRI}.runtimes.runc]\n  b = 1\n`;
    assert.equal(removeRuntimes(text, ["rune"], "c"), rest);
  });
});

describe("addImport", () => {
  for (const [text, expected] of [
    ["version = 3\n[a]\nimports = []\n", 'version = 3\nimports = ["/i"]\n[a]\nimports = []\n'],
    ["# x\nversion = 3", '# x\nversion = 3\nimports = ["/i"]\n'],
    ["version = 3\nimports = []\n", 'version = 3\nimports = ["/i"]\n'],
    ["version = 3\nimports = ['a'] # x\n", "version = 3\nimports = [\"/i\", 'a'] # x\n"],
    ["version = 3\nimports = [\n    'a', # x\n]\n", "version = 3\nimports = [\n    \"/i\",\n    'a', # x\n]\n"],
  ] as const)
    it(JSON.stringify(text), () => assert.equal(addImport(text, "/i", "c"), expected));
});
