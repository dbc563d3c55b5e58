import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runProgram } from "@inclavare/cli";
import { parse } from "smol-toml";
import { createInstallContainerdCommand } from "./install-containerd.ts";

const scratch = mkdtempSync(join(tmpdir(), "inclavare-install-containerd-"));
after(() => rmSync(scratch, { recursive: true, force: true }));
const shim = join(scratch, "containerd-shim-rune-v2");
writeFileSync(shim, "#!/bin/sh\n", { mode: 0o755 });

const CRI = '[plugins."io.containerd.grpc.v1.cri".containerd';
const V2 = `# ours\nversion = 2\n\n${CRI}]\n  snapshotter = "overlayfs" # fast\n  ${CRI}.runtimes.runc]\n    runtime_type = "io.containerd.runc.v2"\n`;
const SYSTEMD = `    ${CRI}.runtimes.runc.options]\n      SystemdCgroup = true\n`;
const RUNE = {
  runtime_type: "io.containerd.rune.v2",
  runtime_path: shim,
  pod_annotations: ["enclave.*"],
  container_annotations: ["enclave.*"],
};

interface Place {
  readonly folder: string;
  readonly file: string;
  readonly options: string;
  readonly install: (...words: string[]) => Promise<{ code: number; out: string; err: string }>;
  /** Every file of the place, by path. */
  readonly files: () => Record<string, string>;
}

let count = 0;
function place(text?: string): Place {
  const folder = join(scratch, `${count++}`);
  const [file, options] = [join(folder, "containerd", "config.toml"), join(folder, "inclavare")];
  mkdirSync(join(folder, "containerd"), { recursive: true });
  if (text !== undefined) writeFileSync(file, text);
  const install: Place["install"] = async (...words) => {
    let [out, err] = ["", ""];
    const commands = [createInstallContainerdCommand({ PATH: "/nonexistent" })];
    const io = {
      stdout: { write: (said: string) => (out += said) },
      stderr: { write: (said: string) => (err += said) },
    };
    const undoes = words.includes("--undo") || words.includes("--path");
    const flags = ["--config", file, ...(undoes ? [] : ["--path", shim]), "--options-dir", options, ...words];
    const program = { name: "inclavare", summary: "", version: "", commands };
    return { code: await runProgram(program, ["install", "containerd", ...flags], io), out, err };
  };
  const files = (): Record<string, string> =>
    Object.fromEntries(
      readdirSync(folder, { recursive: true, encoding: "utf8" })
        .filter((name) => statSync(join(folder, name)).isFile())
        .map((name) => [name, readFileSync(join(folder, name), "utf8")]),
    );
  return { folder, file, options, install, files };
}

function runtimesIn(text: string, plugin: string): Record<string, unknown> {
  const { plugins } = JSON.parse(JSON.stringify(parse(text))) as {
    plugins: Record<string, { containerd: { runtimes: Record<string, unknown> } }>;
  };
  return plugins[plugin]?.containerd.runtimes ?? {};
}

describe("inclavare install containerd, version 2", () => {
  it("adds tables and options, tells the next step, is idempotent, and undoes", async () => {
    const { file, options, install, files } = place(V2);
    chmodSync(file, 0o640);
    const { code, out, err } = await install();
    assert.equal(code, 0, err);
    assert.match(out, /^added +runtimes rune, rune-wasm in .*\n[^]*systemctl restart containerd/u);
    const text = readFileSync(file, "utf8");
    assert.ok(text.startsWith(V2));
    const path = join(options, "rune-wasm.toml");
    const { rune, "rune-wasm": wasm, runc } = runtimesIn(text, "io.containerd.grpc.v1.cri");
    assert.deepEqual([rune, wasm], [RUNE, { ...RUNE, options: { ConfigPath: path } }]);
    assert.deepEqual(runc, { runtime_type: "io.containerd.runc.v2" });
    assert.deepEqual(JSON.parse(JSON.stringify(parse(readFileSync(path, "utf8")))), {
      SystemdCgroup: false,
      default_enclave: { type: "simulated", runtime: "wasm" },
    });
    assert.equal(statSync(file).mode & 0o777, 0o640);
    assert.equal(statSync(`${file}.inclavare`).mode & 0o777, 0o640);
    const before = files();
    assert.match((await install()).out, /^unchanged/u);
    assert.deepEqual(files(), before);
    assert.match((await install("--undo")).out, /^removed/u);
    assert.deepEqual(files(), { "containerd/config.toml": V2 });
    assert.match((await install("--undo")).out, /^unchanged/u);
  });

  it("keeps the runtime that is built in, which containerd forgets once a file names another", async () => {
    for (const text of [undefined, "version = 2\n"]) {
      const { file, install, files } = place(text);
      assert.equal((await install()).code, 0);
      const { runc } = runtimesIn(readFileSync(file, "utf8"), "io.containerd.grpc.v1.cri");
      assert.deepEqual(runc, { runtime_type: "io.containerd.runc.v2" });
      assert.equal((await install("--undo")).code, 0);
      assert.deepEqual(files(), text === undefined ? {} : { "containerd/config.toml": text });
    }
  });

  it("has the shim make cgroups as the node's runc does", async () => {
    const { options, install } = place(V2 + SYSTEMD);
    assert.equal((await install()).code, 0);
    for (const name of ["rune.toml", "rune-wasm.toml"])
      assert.match(readFileSync(join(options, name), "utf8"), /^SystemdCgroup = true$/mu);
  });

  it("makes what is wanted now: a handler that is not, goes", async () => {
    const { file, install, files } = place(V2);
    await install();
    assert.match((await install("--handler", "rune")).out, /^added +runtimes rune in/u);
    const names = Object.keys(runtimesIn(readFileSync(file, "utf8"), "io.containerd.grpc.v1.cri"));
    assert.deepEqual(names, ["runc", "rune"]);
    assert.deepEqual(Object.keys(files()).toSorted(), ["containerd/config.toml", "containerd/config.toml.inclavare"]);
    await install("--undo");
    assert.equal(readFileSync(file, "utf8"), V2);
  });

  it("leaves what others have edited since", async () => {
    const { file, options, install } = place(V2);
    await install();
    const path = join(options, "rune-wasm.toml");
    writeFileSync(path, `${readFileSync(path, "utf8")}# my own\n`);
    writeFileSync(file, `${readFileSync(file, "utf8")}\n[timeouts] # mine\n`);
    assert.match((await install()).out, /^unchanged/u);
    const { out } = await install("--undo");
    assert.match(out, /^removed[^]*rune-wasm\.toml was edited since; it stays/u);
    assert.equal(readFileSync(file, "utf8"), `${V2}\n[timeouts] # mine\n`);
    assert.ok(existsSync(path));
  });

  it("--dry-run shows the differences and changes nothing", async () => {
    const { install, files } = place(V2);
    const { out } = await install("--dry-run");
    assert.match(
      out,
      /^--- .*config\.toml\n[^]*^\+\[plugins\."io\.containerd\.grpc\.v1\.cri"\.containerd\.runtimes\.rune\]$/mu,
    );
    assert.match(out, /^--- \/dev\/null\n\+\+\+ .*rune-wasm\.toml$/mu);
    assert.deepEqual(files(), { "containerd/config.toml": V2 });
  });

  it("says when the CRI plugin is switched off", async () => {
    const { install } = place(`version = 2\ndisabled_plugins = ["cri"]\n`);
    assert.match((await install()).out, /disabled_plugins switches the CRI plugin off/u);
  });
});

describe("inclavare install containerd, version 3", () => {
  const V3 = "version = 3\nimports = [\n  '/etc/x.toml', # mine\n]\n";

  it("writes a file of its own and imports it; undo gives everything back", async () => {
    const { file, install, files } = place(V3);
    assert.equal((await install()).code, 0);
    const { imports } = parse(readFileSync(file, "utf8")) as { imports: string[] };
    assert.deepEqual(imports, [join(file, "..", "conf.d", "inclavare*.toml"), "/etc/x.toml"]);
    const dropIn = readFileSync(join(file, "..", "conf.d", "inclavare.toml"), "utf8");
    assert.deepEqual(Object.keys(runtimesIn(dropIn, "io.containerd.cri.v1.runtime")), ["rune", "rune-wasm"]);
    assert.match((await install()).out, /^unchanged/u);
    assert.equal((await install("--undo")).code, 0);
    assert.deepEqual(files(), { "containerd/config.toml": V3 });
  });

  it("leaves a configuration alone that imports the folder already", async () => {
    const { file, install } = place();
    const text = `version = 3\nimports = ["${join(file, "..")}/conf.d/*.toml"]\n`;
    writeFileSync(file, text);
    assert.equal((await install()).code, 0);
    assert.equal(readFileSync(file, "utf8"), text);
    assert.equal((await install("--undo")).code, 0);
    assert.deepEqual(readdirSync(join(file, "..", "conf.d")), []);
  });

  it("refuses a file of that name that is not ours, unless forced, and gives it back", async () => {
    const { file, install } = place(V3);
    const dropIn = join(file, "..", "conf.d", "inclavare.toml");
    mkdirSync(join(file, "..", "conf.d"));
    writeFileSync(dropIn, "version = 3\n# somebody's\n");
    assert.match((await install()).err, /\[ERR_CONTAINERD_CONFIG_TAKEN\]/u);
    assert.equal((await install("--force")).code, 0);
    await install("--undo");
    assert.equal(readFileSync(dropIn, "utf8"), "version = 3\n# somebody's\n");
  });
});

describe("inclavare install containerd refuses and changes nothing:", () => {
  for (const [what, text, words, message] of [
    ["what is not TOML", "version = \n", [], /is not TOML \[ERR_CONTAINERD_CONFIG\]/u],
    ["a table twice", "version = 2\n[a]\n[a]\n", [], /\[ERR_CONTAINERD_CONFIG\]/u],
    ["version 1", "[debug]\n", [], /version 1; .*migrate.*\[ERR_CONTAINERD_CONFIG\]/u],
    ["version 4", "version = 4\n", [], /not known here.*\[ERR_CONTAINERD_CONFIG\]/u],
    ["plugins of another type", "version = 2\nplugins = 1\n", [], /\[ERR_CONTAINERD_CONFIG\]/u],
    ["imports of another type", "version = 3\nimports = 'x'\n", [], /\[ERR_CONTAINERD_CONFIG\]/u],
    ["more than a mebibyte", `version = 2\n# ${"x".repeat(1 << 20)}\n`, [], /\[ERR_CONTAINERD_CONFIG\]/u],
    ["another's runtime", `${V2}${CRI}.runtimes.rune]\nruntime_type = "x"\n`, [], /\[ERR_CONTAINERD_CONFIG_TAKEN\]/u],
    ["a runtime that is not there yet", V2, ["--handler", "rune-linux"], /rune-linux.*\[ERR_REQUEST_UNSUPPORTED\]/u],
    ["an unknown handler", V2, ["--handler", "runsc"], /\[ERR_USAGE\]/u],
    ["a handler twice", V2, ["--handler", "rune", "--handler", "rune"], /\[ERR_USAGE\]/u],
    ["a TEE that is none", V2, ["--tee", "sgx"], /\[ERR_USAGE\]/u],
    ["SGX for a built-in runtime", V2, ["--tee", "intelSgx"], /\[ERR_USAGE\]/u],
    ["a shim that is not there", V2, ["--path", "/nonexistent"], /\[ERR_FILE_NOT_FOUND\]/u],
    ["--undo with --force", V2, ["--undo", "--force"], /\[ERR_USAGE\]/u],
  ] as const) {
    it(what, async () => {
      const { install, files } = place(text);
      const { code, out, err } = await install(...words);
      assert.notEqual(code, 0);
      assert.equal(out, "");
      assert.match(err, message);
      assert.deepEqual(files(), { "containerd/config.toml": text });
    });
  }

  it("a record that is damaged", async () => {
    const { file, install } = place(V2);
    writeFileSync(`${file}.inclavare`, '{"files": {"/x": 1}, "runtimes": {}}');
    assert.match((await install("--undo")).err, /\[ERR_JSON\]/u);
  });
});
