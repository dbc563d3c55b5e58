import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { scanStatements } from "./scan.ts";

const TEXT = `# comment [not.a.table]
version = 2 # here
imports = [ "a]", # [x]
  'b',
]
"quoted key".'sub' = { a = "}", b = [1, 2] }
text = """
[not.a.table]
" \\""" """
literal = '''
[no]
''''
when = 1979-05-27 07:32:00
empty = ""

[plugins."io.containerd.grpc.v1.cri" . containerd.'runtimes'."a]b"]
  x = -1
[[list]]
`;

describe("scanStatements", () => {
  it("finds every statement and its value", () => {
    const found = scanStatements(TEXT).map(({ kind, path, valueStart, end }) => [
      kind,
      path.join("/"),
      TEXT.slice(valueStart, end),
    ]);
    assert.deepEqual(found, [
      ["pair", "version", "2"],
      ["pair", "imports", `[ "a]", # [x]\n  'b',\n]`],
      ["pair", "quoted key/sub", '{ a = "}", b = [1, 2] }'],
      ["pair", "text", '"""\n[not.a.table]\n" \\""" """'],
      ["pair", "literal", "'''\n[no]\n''''"],
      ["pair", "when", "1979-05-27 07:32:00"],
      ["pair", "empty", '""'],
      ["header", "plugins/io.containerd.grpc.v1.cri/containerd/runtimes/a]b", ""],
      ["pair", "x", "-1"],
      ["header", "list", ""],
    ]);
  });

  it("finds nothing in nothing", () => assert.deepEqual(scanStatements(" # only this"), []));
});
