import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runProgram } from "@inclavare/cli";
import { installDockerCommand } from "./install-docker.ts";

const scratch = mkdtempSync(join(tmpdir(), "inclavare-install-docker-"));
after(() => rmSync(scratch, { recursive: true, force: true }));
const TEXT = '{\n\t"log-driver": "journald"\n}\n';
const rune = join(scratch, "rune");
writeFileSync(rune, "#!/bin/sh\n", { mode: 0o755 });

let count = 0;
function place(text?: string): { folder: string; file: string; install: Install } {
  const folder = join(scratch, `${count++}`);
  const file = join(folder, "daemon.json");
  if (text !== undefined) {
    mkdirSync(folder);
    writeFileSync(file, text);
  }
  return { folder, file, install: (...words) => run("--daemon-json", file, "--path", rune, ...words) };
}
type Install = (...words: string[]) => Promise<{ code: number; out: string; err: string }>;

const run: Install = async (...words) => {
  let out = "";
  let err = "";
  const program = { name: "inclavare", summary: "", version: "", commands: [installDockerCommand] };
  const io = { stdout: { write: (text: string) => (out += text) }, stderr: { write: (text: string) => (err += text) } };
  return { code: await runProgram(program, ["install", "docker", ...words], io), out, err };
};

describe("inclavare install docker", () => {
  it("adds the runtime, tells the next step, is idempotent, and undoes", async () => {
    const { folder, file, install } = place(TEXT);
    chmodSync(file, 0o640);
    const { code, out } = await install("--default");
    assert.equal(code, 0);
    assert.match(out, /systemctl reload docker/u);
    const installed = { "log-driver": "journald", runtimes: { rune: { path: rune } }, "default-runtime": "rune" };
    assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), installed);
    for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o640);
    assert.match((await install("--default")).out, /^unchanged/u);
    assert.match((await install("--undo")).out, /^removed[^]*systemctl restart docker/u);
    assert.equal(readFileSync(file, "utf8"), TEXT);
    assert.deepEqual(readdirSync(folder), ["daemon.json"]);
    assert.match((await install("--undo")).out, /^unchanged/u);
  });

  it("makes a file that was not there, and its folder; undo removes the file", async () => {
    const { folder, file, install } = place();
    assert.equal((await install()).code, 0);
    assert.equal(statSync(file).mode & 0o777, 0o644);
    assert.equal((await install("--undo")).code, 0);
    assert.deepEqual(readdirSync(folder), []);
  });

  it("changes the file that a link leads to, and leaves the link", async () => {
    const { folder, file, install } = place(TEXT);
    const link = join(folder, "link.json");
    symlinkSync("daemon.json", link);
    assert.equal((await run("--daemon-json", link, "--path", rune)).code, 0);
    assert.ok(lstatSync(link).isSymbolicLink());
    assert.match(readFileSync(file, "utf8"), /"rune"/u);
    assert.equal((await install("--undo")).code, 0);
    assert.equal(readFileSync(file, "utf8"), TEXT);
  });

  it("--dry-run shows the difference and changes nothing", async () => {
    const { folder, file, install } = place(TEXT);
    const { out } = await install("--dry-run");
    assert.match(out, /^-\t"log-driver": "journald"\n\+\t"log-driver": "journald",\n\+\t"runtimes": \{$/mu);
    const json = JSON.parse((await install("--dry-run", "-o", "json")).out) as Record<string, unknown>;
    assert.deepEqual({ diff: json["diff"], dryRun: json["dryRun"] }, { diff: out, dryRun: true });
    assert.equal(readFileSync(file, "utf8"), TEXT);
    assert.deepEqual(readdirSync(folder), ["daemon.json"]);
    await install();
    assert.equal((await install("--dry-run")).out, `${file}: nothing to change\n`);
  });

  for (const [what, text, words, message] of [
    ["broken JSON", '{\n  "a": 1\n  "b": 2\n}', [], /expected ',' \(line 3, column 3\) \[ERR_DAEMON_JSON\]/u],
    ["a name twice", '{"a": 1, "a": 2}', [], /"a" comes again .*\[ERR_DAEMON_JSON\]/u],
    ["what is no object", "[]", [], /is not a JSON object \[ERR_DAEMON_JSON\]/u],
    ["runtimes of another type", '{"runtimes": []}', [], /runtimes is not a JSON object \[ERR_DAEMON_JSON\]/u],
    ["another path", '{"runtimes": {"rune": {"path": "/x"}}}', [], /points to \/x, .*\[ERR_DAEMON_JSON_TAKEN\]/u],
    ["Docker's own name", "{}", ["--name", "runc"], /\[ERR_USAGE\]/u],
    ["a relative path", "{}", ["--path", "rune"], /\[ERR_USAGE\]/u],
    ["a program that is not there", "{}", ["--path", "/nonexistent"], /\[ERR_FILE_NOT_FOUND\]/u],
    ["a program that cannot be started", "{}", ["--path", "/etc"], /\[ERR_FILE\]/u],
    ["--undo with --default", "{}", ["--undo", "--default"], /\[ERR_USAGE\]/u],
  ] as const) {
    it(`refuses ${what} and changes nothing`, async () => {
      const { folder, file, install } = place(text);
      const { code, out, err } = await install(...words);
      assert.notEqual(code, 0);
      assert.equal(out, "");
      assert.match(err, message);
      assert.equal(readFileSync(file, "utf8"), text);
      assert.deepEqual(readdirSync(folder), ["daemon.json"]);
    });
  }

  it("--force replaces another path, and undo gives it back", async () => {
    const text = '{"runtimes": {"rune": {"path": "/x", "runtimeArgs": ["--debug"]}}}';
    const { file, install } = place(text);
    assert.equal((await install("--force")).code, 0);
    assert.deepEqual(JSON.parse(readFileSync(file, "utf8")), { runtimes: { rune: { path: rune } } });
    assert.equal((await install("--undo")).code, 0);
    assert.equal(readFileSync(file, "utf8"), text);
  });

  it("refuses a record that is damaged, and a link to nothing", async () => {
    const { folder, file, install } = place(TEXT);
    writeFileSync(`${file}.inclavare`, "{}");
    assert.match((await install("--undo")).err, /\[ERR_JSON\]/u);
    const link = join(folder, "link");
    symlinkSync("nowhere", link);
    assert.match((await run("--daemon-json", link, "--path", rune)).err, /\[ERR_FILE\]/u);
    assert.equal(existsSync(join(folder, "nowhere")), false);
  });
});
