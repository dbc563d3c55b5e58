/** bin/containerd-shim-rune-v2 answers in C what is simple; whatever it answers, the shim in TypeScript answers as well. */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { createClient, message, text, uint32 } from "@inclavare/ttrpc";
import { BIN, cannotRun } from "../support/testbed.ts";

const SHIM = join(BIN, "containerd-shim-rune-v2");
const LIBRARY = join(BIN, "..", "lib", "inclavare");
const IN_TYPESCRIPT = [join(LIBRARY, "node"), "--disable-warning=ExperimentalWarning", join(LIBRARY, "shim-rune.mjs")];
const NAMESPACE = `e2elauncher${process.pid}`;
const POD = "io.kubernetes.cri.sandbox-id";
const GROUP = "io.containerd.runc.v2.group";

/** Texts of config.json, and whether the launcher may decide by itself. */
const CONFIGS: readonly (readonly [what: string, config: string, isSimple: boolean])[] = [
  ["nothing", "{}", true],
  ["a pod", JSON.stringify({ annotations: { [POD]: "pod1" } }), true],
  ["a group", JSON.stringify({ annotations: { [POD]: "pod1", [GROUP]: "mine" } }, undefined, 2), true],
  ["escapes that hide nothing", '{"process":{"args":["a \\u0026\\u0026 b"]}}', true],
  ["escapes that could hide a name", '{"annotations":{"io.kubernetes.cri.sandbox\\u002did":"pod2"}}', false],
  ["a name within a value", JSON.stringify({ process: { env: [`X="${POD}":"no"`] } }), false],
  ["a name as a value", JSON.stringify({ process: { args: [GROUP] } }), false],
  ["a name twice", `{"x":{"${POD}":"no"},"annotations":{"${POD}":"pod3"}}`, false],
  ["an empty group", JSON.stringify({ annotations: { [GROUP]: "", [POD]: "pod4" } }), false],
  ["a group that is a path", JSON.stringify({ annotations: { [GROUP]: "a/../b" } }), false],
  ["a group with an escape", '{"annotations":{"io.containerd.runc.v2.group":"a\\nb"}}', false],
];

let folder: string;
let count = 0;

/** The command, or the same in TypeScript, with a line on standard error for each program that is started. */
function run(
  command: readonly string[],
  cwd: string,
  flags: readonly string[],
  input = "",
  env: NodeJS.ProcessEnv = {},
) {
  const [program = "", ...args] = [...command, ...flags];
  const ran = spawnSync(program, args, { cwd, input, timeout: 10_000, env: { ...process.env, ...env } });
  return { status: ran.status, stdout: ran.stdout, stderr: ran.stderr.toString() };
}

function newBundle(config: string): { bundle: string; flags: string[] } {
  const id = `c${count++}`;
  const bundle = join(folder, id);
  mkdirSync(bundle);
  writeFileSync(join(bundle, "config.json"), config);
  return { bundle, flags: ["-namespace", NAMESPACE, "-address", "/run/x.sock", "-publish-binary", "x", "-id", id] };
}

/** Has a shim end, and waits for it. @returns its pid */
async function end(address: string): Promise<number> {
  const request = message({ id: text(1) });
  const client = createClient(connect(address.replace("unix://", "")));
  const call = { service: "containerd.task.v2.Task", request, response: message({ pid: uint32(1) }) };
  const { pid } = await client.call({ ...call, method: "Connect" }, { id: "x" }, { timeoutMs: 5_000 });
  await client.call({ ...call, method: "Shutdown" }, { id: "x" }, { timeoutMs: 5_000 });
  await client.closed;
  return pid;
}

/** Whether a call was answered without Node.js: a Node.js that cannot be started tells. */
function isAnsweredInC(cwd: string, flags: readonly string[], input = "", env: NodeJS.ProcessEnv = {}): boolean {
  const bin = join(folder, "bin");
  if (!existsSync(bin)) {
    mkdirSync(bin);
    execFileSync("cp", [SHIM, bin]);
  }
  const { status, stderr } = run([join(bin, "containerd-shim-rune-v2")], cwd, flags, input, env);
  if (status === 0) return true;
  assert.match(stderr, /cannot start the Node\.js of its installation/u);
  return false;
}

describe("the shim's launcher", { skip: cannotRun() }, () => {
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "inclavare-shim-launcher-"));
  });
  after(() => {
    rmSync(folder, { recursive: true });
    rmSync(join("/run/containerd/runc", NAMESPACE), { recursive: true, force: true }); // the low-level runtime makes it
  });

  for (const [what, config] of CONFIGS) {
    it(`start with ${what} gives the address that the shim gives`, async () => {
      const { bundle, flags } = newBundle(config);
      const first = run([SHIM], bundle, [...flags, "start"]);
      assert.deepEqual([first.status, first.stderr], [0, ""]);
      const address = first.stdout.toString();
      assert.equal(readFileSync(join(bundle, "address"), "utf8"), address);
      const second = run(IN_TYPESCRIPT, bundle, [...flags, "start"]);
      assert.equal(second.stdout.toString(), address);
      await end(address);
      assert.ok(!existsSync(address.replace("unix://", "")));
    });
  }

  it("the daemon that it starts has what the shim's own has", async () => {
    const { bundle, flags } = newBundle("{}");
    const seen: unknown[] = [];
    for (const command of [[SHIM], IN_TYPESCRIPT]) {
      const env = { NODE_OPTIONS: "--no-warnings", LISTEN_FDS: "1", KEPT: "1" };
      const address = run(
        command,
        bundle,
        [...flags, "-debug", "start"],
        "",
        command === IN_TYPESCRIPT ? { KEPT: "1" } : env,
      );
      const socket = address.stdout.toString();
      const client = createClient(connect(socket.replace("unix://", "")));
      const method = { service: "containerd.task.v2.Task", method: "Connect", request: message({ id: text(1) }) };
      const { pid } = await client.call({ ...method, response: message({ pid: uint32(1) }) }, { id: "x" });
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      const [, , group, session] = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      seen.push({
        kept: environment.includes("KEPT=1"),
        foreign: environment.filter((entry) => /^(?:NODE_OPTIONS|LISTEN_FDS)=/u.test(entry)),
        leads: [group, session].map((value) => Number(value) === pid),
        oom: readFileSync(`/proc/${pid}/oom_score_adj`, "utf8"),
      });
      client.close();
      await end(socket);
    }
    assert.deepEqual(seen[0], seen[1]);
  });

  it("delete of nothing answers as the shim does, but for the time", () => {
    const { bundle, flags } = newBundle("{}");
    writeFileSync(join(bundle, "init.pid"), "4711");
    const answer = message({ pid: uint32(1), status: uint32(2) });
    const [inC, inTypescript] = [[SHIM], IN_TYPESCRIPT].map((command) =>
      answer.decode(run(command, folder, [...flags, "-bundle", bundle, "delete"]).stdout),
    );
    assert.deepEqual(inC, { pid: 4711, status: 137 });
    assert.deepEqual(inTypescript, inC);
  });

  it("leaves whatever is not simple to Node.js", () => {
    const { bundle, flags } = newBundle("{}");
    const remove = [...flags, "-bundle", bundle, "delete"];
    assert.equal(isAnsweredInC(bundle, remove), true);
    assert.equal(isAnsweredInC(bundle, [...flags, "delete"]), false, "without a bundle");
    assert.equal(isAnsweredInC(bundle, [...flags, "-unknown", "delete"]), false);
    assert.equal(isAnsweredInC(bundle, [...flags, "stop"]), false);
    assert.equal(isAnsweredInC(bundle, [...flags, "start"], "options"), false, "with options");
    assert.equal(isAnsweredInC(bundle, [...flags, "start"], "", { SCHED_CORE: "1" }), false);
    assert.equal(isAnsweredInC(bundle, ["-info"]), false);
    assert.equal(isAnsweredInC(bundle, [...flags.with(1, "a/b"), "start"]), false, "a namespace that is a path");
    writeFileSync(join(bundle, "options.json"), '{"root":"/elsewhere"}');
    assert.equal(isAnsweredInC(bundle, remove), false, "another place for the runtime's state");
    rmSync(join(bundle, "options.json"));
    writeFileSync(join(bundle, "address"), `unix://${join(folder, "dead.sock")}`);
    assert.equal(isAnsweredInC(bundle, remove), true, "a socket that is gone");
    writeFileSync(join(folder, "dead.sock"), "");
    assert.equal(isAnsweredInC(bundle, remove), false, "a socket that nobody listens at");
    rmSync(join(bundle, "address"));
    mkdirSync(join(bundle, "rootfs"));
    execFileSync("mount", ["-t", "tmpfs", "tmpfs", join(bundle, "rootfs")]);
    try {
      assert.equal(isAnsweredInC(bundle, remove), false, "something mounted");
    } finally {
      execFileSync("umount", [join(bundle, "rootfs")]);
    }
    for (const [what, config, isSimple] of CONFIGS) {
      if (isSimple) continue;
      const doubtful = newBundle(config);
      assert.equal(isAnsweredInC(doubtful.bundle, [...doubtful.flags, "start"]), false, what);
    }
  });
});
