/** Pods as kubelet makes them, over the Container Runtime Interface, under containerd-shim-rune-v2. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { cannotNetwork, CriBed } from "../support/cri/bed.ts";
import { containerConfig, podConfig } from "../support/cri/client.ts";
import { type ContainerConfig, CRI, type PodConfig } from "../support/cri/messages.ts";
import { probeProgram } from "../support/probe-program.ts";
import { cannotRun } from "../support/testbed.ts";

const IMAGE = "inclavare.test/app:1";
const ENCLAVE = new Map([
  ["enclave.type", "simulated"],
  ["enclave.runtime.path", "wasm"],
]);
const EXITED = 2;

let cri: CriBed;

interface Pod {
  readonly id: string;
  readonly config: PodConfig;
}

async function runPod(name: string, fields: Partial<PodConfig> = {}, handler = "rune"): Promise<Pod> {
  const config = podConfig(name, { cgroupParent: cri.cgroupParent, ...fields });
  const { id } = await cri.client.call(CRI.runPod, { config, handler });
  return { id, config };
}

async function create(pod: Pod, name: string, fields: Partial<ContainerConfig>): Promise<string> {
  const config = containerConfig(name, IMAGE, fields);
  const { id } = await cri.client.call(CRI.create, { podId: pod.id, config, podConfig: pod.config });
  return id;
}

async function start(pod: Pod, name: string, fields: Partial<ContainerConfig>): Promise<string> {
  const id = await create(pod, name, fields);
  await cri.client.call(CRI.start, { id });
  return id;
}

async function statusOf(id: string) {
  const { status } = await cri.client.call(CRI.status, { id });
  return status ?? assert.fail(`${id} has no status`);
}

async function ended(id: string): Promise<number> {
  await cri.until(`the end of ${id}`, async () => (await statusOf(id)).state === EXITED);
  return (await statusOf(id)).exitCode;
}

async function remove(pod: Pod): Promise<void> {
  await cri.client.call(CRI.stopPod, { id: pod.id });
  await cri.client.call(CRI.removePod, { id: pod.id });
}

const skip = cannotRun("containerd", "ctr", "busybox", "nsenter", "unshare") || cannotNetwork();
describe("pods under containerd-shim-rune-v2", { skip }, () => {
  before(async () => {
    cri = await CriBed.start("cri", {
      "rune-wasm": '[default_enclave]\ntype = "simulated"\nruntime = "wasm"\n',
    });
    await cri.import({ name: IMAGE, command: ["/bin/sh"], programs: { "/app.wasm": await probeProgram() } });
  });
  after(async () => assert.deepEqual(await cri.close(), []));

  it("hold two plain containers and an enclave container from an ordinary image, behind one shim", async () => {
    const logDirectory = cri.bed.path("logs");
    mkdirSync(logDirectory);
    const pod = await runPod("three", { logDirectory });
    const first = await start(pod, "first", {
      command: ["/bin/sh", "-c", "echo out; echo err >&2; sleep 1000"],
      logPath: "first.log",
    });
    const second = await start(pod, "second", { command: ["/bin/sh", "-c", "exit 7"] });
    const secret = await start(pod, "secret", { command: ["/app.wasm"], args: ["sleep"], annotations: ENCLAVE });
    assert.equal(cri.shims().length, 1, "a shim a pod");
    const { status } = await cri.client.call(CRI.podStatus, { id: pod.id });
    assert.match(status?.network?.ip ?? "", /^10\.231\.0\.\d+$/u);

    assert.equal(await ended(second), 7);
    // Two streams: which of the lines is written first is nobody's promise.
    const logged = (): string[] => {
      const path = `${logDirectory}/first.log`;
      const lines = existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
      return lines.map((line) => line.replace(/^\S+ /u, "")).toSorted();
    };
    await cri.until("the log", () => logged().length === 2);
    assert.deepEqual(logged(), ["stderr F err", "stdout F out"]);

    assert.deepEqual(await cri.client.execSync(first, ["/bin/sh", "-c", "echo a; echo b >&2; exit 3"]), {
      stdout: "a\n",
      stderr: "b\n",
      exitCode: 3,
    });
    assert.deepEqual(await cri.client.execSync(secret, ["/app.wasm", "args", "x y"]), {
      stdout: "/app.wasm\nargs\nx y\n",
      stderr: "",
      exitCode: 0,
    });
    for (const id of [first, secret]) {
      const { stats } = await cri.client.call(CRI.stats, { id });
      assert.ok((stats?.cpu?.usage?.value ?? 0n) > 0n);
      assert.ok((stats?.memory?.workingSet?.value ?? 0n) > 0n);
    }
    await cri.client.call(CRI.stop, { id: secret, timeout: 10n });
    assert.equal(await ended(secret), 143, "the application ended by SIGTERM");
    await cri.client.call(CRI.stop, { id: first, timeout: 1n });
    assert.equal(await ended(first), 143, "the pod's processes have one namespace, so it is not the first one in it");
    for (const id of [first, second, secret]) await cri.client.call(CRI.remove, { id });
    assert.equal(cri.shims().length, 1, "the pod is still there");
    await remove(pod);
    await cri.until("the shim has ended", () => cri.shims().length === 0);
    await assert.rejects(cri.client.call(CRI.podStatus, { id: pod.id }), { code: 5 });
  });

  it("ask for enclaves themselves, for all their containers", async () => {
    const pod = await runPod("annotated", { annotations: ENCLAVE });
    const id = await start(pod, "app", { command: ["/app.wasm"], args: ["exit", "9"] });
    assert.equal(await ended(id), 9);
    await remove(pod);
  });

  it("get enclaves by their runtime handler", async () => {
    const pod = await runPod("handled", {}, "rune-wasm");
    const id = await start(pod, "app", { command: ["/app.wasm"], args: ["exit", "4"] });
    assert.equal(await ended(id), 4);
    await remove(pod);
  });

  it("say in one sentence why an enclave cannot be had", async () => {
    const pod = await runPod("refused");
    const id = await create(pod, "app", {
      command: ["/app.wasm"],
      annotations: new Map([...ENCLAVE, ["enclave.type", "intelSgx"]]),
    });
    await assert.rejects(cri.client.call(CRI.start, { id }), ({ details }: { details: string }) => {
      assert.match(details, /failed to create containerd task: .*intelSgx.*\(ERR_[A-Z_]+\)/u);
      assert.doesNotMatch(details, /\n/u);
      return true;
    });
    await remove(pod);
  });

  it("are typed into: exec with a terminal, its size, attach", async () => {
    const pod = await runPod("typed");
    const id = await start(pod, "app", {
      command: ["/bin/sh", "-c", "while read line; do echo got $line; done"],
      stdin: true,
    });
    const exec = await cri.client.exec(id, ["/bin/sh"], { tty: true });
    exec.send("resize", '{"Width":77,"Height":33}');
    exec.send("stdin", "sleep 1; stty size; exit 5\n");
    await exec.ended;
    assert.match(exec.received.stdout, /33 77\r/u);
    assert.match(exec.received.error, /exit code 5/u);

    const attached = await cri.client.attach(id);
    await sleep(500);
    attached.send("stdin", "typed\n");
    await cri.until("the answer", () => attached.received.stdout.includes("got typed\n"));
    attached.kill();
    assert.equal((await statusOf(id)).state, 1, "whoever attaches may go");
    await remove(pod);
  });

  it("give what was printed, however short a process lives, and no more time than was asked for", async () => {
    const pod = await runPod("short");
    const id = await start(pod, "app", { command: ["/bin/sleep", "1000"] });
    const outputs = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        cri.client.execSync(id, ["/bin/sh", "-c", `echo ${index}; exit ${index}`]),
      ),
    );
    assert.deepEqual(
      outputs,
      outputs.map((_, index) => ({ stdout: `${index}\n`, stderr: "", exitCode: index })),
    );
    await assert.rejects(cri.client.execSync(id, ["/bin/sleep", "100"], 1n), { code: 4 });
    const missing = cri.client.execSync(id, ["/bin/nothing"]);
    await assert.rejects(missing, /OCI runtime exec failed: .*no such file or directory/u);
    await remove(pod);
  });

  it("that use more memory than they may are called OOMKilled", async () => {
    const pod = await runPod("oom");
    const id = await start(pod, "app", {
      command: ["/bin/sh", "-c", "tail -c 200000000 /dev/zero"],
      linux: { resources: { cpuShares: 0n, memoryLimitBytes: 16n << 20n } },
    });
    await ended(id);
    await cri.until("the reason", async () => (await statusOf(id)).reason === "OOMKilled");
    await remove(pod);
  });

  it("survive containerd's death, and what happens meanwhile is known afterwards", async () => {
    const pod = await runPod("restart");
    const stays = await start(pod, "stays", { command: ["/bin/sleep", "1000"] });
    const ends = await start(pod, "ends", { command: ["/bin/sh", "-c", "sleep 1; exit 6"] });
    await cri.containerd.kill();
    await sleep(1_500);
    await cri.containerd.launch();
    await cri.until("containerd serves pods", () =>
      cri.client.call(CRI.list, {}).then(
        () => true,
        () => false,
      ),
    );
    assert.equal(await ended(ends), 6);
    assert.equal((await statusOf(stays)).state, 1);
    assert.equal((await cri.client.execSync(stays, ["/bin/echo", "here"])).stdout, "here\n");
    await remove(pod);
  });

  it("lose their containers with their shim, and are removed all the same", async () => {
    const others = cri.shims();
    const pod = await runPod("killed");
    const id = await start(pod, "app", { command: ["/bin/sleep", "1000"] });
    const [shim] = cri.shims().filter((pid) => !others.includes(pid));
    process.kill(shim ?? assert.fail("no shim"), "SIGKILL");
    // The CRI plugin has lost the call that waits: 255 is its own word for an end of which it knows nothing.
    assert.ok([137, 255].includes(await ended(id)));
    await remove(pod);
  });
});
