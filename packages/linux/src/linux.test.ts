import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, describe, it } from "node:test";
import {
  acceptUnix,
  connectUnix,
  createEventfd,
  createMemfd,
  createPipe,
  fillRandom,
  listenUnix,
  mount,
  MOUNT_FLAGS,
  onProcessExit,
  peerCredentials,
  pidfdOpen,
  pidfdSendSignal,
  pollDescriptors,
  processExists,
  readMessageSync,
  receiveWithDescriptors,
  requestSync,
  sealMemfd,
  setTerminalSize,
  sendWithDescriptors,
  setCloseOnExec,
  setNonBlocking,
  signalEventfd,
  unmount,
  watchReadable,
  writeMessageSync,
} from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "inclavare-linux-"));
after(() => rmSync(directory, { recursive: true, force: true }));

/** A connected pair of Unix sockets: [client, server]. */
function pair(path: string): [number, number] {
  const listener = listenUnix(path, { mode: 0o600 });
  const client = connectUnix(path, { timeoutMs: 1000 });
  const server = acceptUnix(listener) ?? assert.fail("nothing to accept");
  closeSync(listener);
  return [client, server];
}

const PRELUDE = `import * as linux from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};`;

/** Runs a script in a process of its own, with the package as `linux`, and returns what it printed. */
function inProcess(script: string): string {
  return execFileSync(process.execPath, ["--input-type=module", "-e", `${PRELUDE} ${script}`], {
    encoding: "utf8",
  }).trim();
}

describe("native library", () => {
  it("is not loaded by importing the package", () => {
    const script = `import { readFileSync } from "node:fs"; console.log(readFileSync("/proc/self/maps", "utf8").includes("koffi"))`;
    assert.equal(inProcess(script), "false");
    assert.equal(inProcess(`linux.loadNative(); ${script}`), "true");
  });
});

describe("descriptors", () => {
  it("poll tells readable, writable and hung up apart, and returns after its timeout", () => {
    const [client, server] = pair(join(directory, "poll.sock"));
    assert.deepEqual(pollDescriptors([{ fd: server, readable: true }], 20), [
      { readable: false, writable: false, hangup: false },
    ]);
    writeSync(client, "x");
    const [both] = pollDescriptors([{ fd: server, readable: true, writable: true }], 1000);
    assert.deepEqual(both, { readable: true, writable: true, hangup: false });
    closeSync(client);
    assert.equal(pollDescriptors([{ fd: server, readable: true }], 1000)[0]?.hangup, true);
    closeSync(server);
  });

  it("an eventfd wakes a poll", () => {
    const fd = createEventfd();
    assert.equal(pollDescriptors([{ fd, readable: true }], 0)[0]?.readable, false);
    signalEventfd(fd);
    assert.equal(pollDescriptors([{ fd, readable: true }], 1000)[0]?.readable, true);
    closeSync(fd);
  });

  it("watchReadable calls back on the event loop", async () => {
    const [client, server] = pair(join(directory, "watch.sock"));
    const { promise, resolve } = Promise.withResolvers<void>();
    const watch = watchReadable(server, resolve);
    writeSync(client, "x");
    await promise;
    watch.close();
    closeSync(client);
    closeSync(server);
  });

  it("close-on-exec and non-blocking can be set and taken back", () => {
    const fd = createEventfd();
    const flags = (): number =>
      Number.parseInt(/flags:\s*(\d+)/u.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1] ?? "", 8);
    setCloseOnExec(fd, false);
    setNonBlocking(fd, false);
    assert.equal(flags() & 0o2004000, 0);
    setCloseOnExec(fd, true);
    setNonBlocking(fd, true);
    assert.equal(flags() & 0o2004000, 0o2004000);
    closeSync(fd);
  });

  it("a pipe holds as much as was asked for, and is close-on-exec", () => {
    const { readEnd, writeEnd } = createPipe(1 << 18);
    setNonBlocking(writeEnd, true);
    assert.equal(writeSync(writeEnd, Buffer.alloc(1 << 20)), 1 << 18);
    for (const end of [readEnd, writeEnd]) {
      assert.match(readFileSync(`/proc/self/fdinfo/${end}`, "utf8"), /flags:\s*0\d*2\d{6}$/mu);
      closeSync(end);
    }
  });

  it("a terminal's size is set by either side, and nothing else has one", () => {
    const descriptor = openSync("/dev/ptmx", "r+");
    try {
      setTerminalSize(descriptor, { columns: 77, rows: 33 });
      assert.equal(
        execFileSync("stty", ["size"], { stdio: [descriptor, "pipe", "inherit"], encoding: "utf8" }),
        "33 77\n",
      );
    } finally {
      closeSync(descriptor);
    }
    const { readEnd, writeEnd } = createPipe(65_536);
    assert.throws(() => setTerminalSize(readEnd, { columns: 1, rows: 1 }), { code: "ERR_LINUX_CALL" });
    closeSync(readEnd);
    closeSync(writeEnd);
  });

  it("a sealed memfd cannot be written any more", () => {
    const fd = createMemfd("test");
    writeSync(fd, "fixed");
    sealMemfd(fd);
    assert.throws(() => writeSync(fd, "more"), { code: "EPERM" });
    assert.equal(fstatSync(fd).size, 5);
    closeSync(fd);
  });
});

describe("sockets", () => {
  it("binds with the mode it was given, also below a path longer than an address", () => {
    const deep = join(directory, "d".repeat(60), "e".repeat(60));
    mkdirSync(deep, { recursive: true });
    const [client, server] = pair(join(deep, "s.sock"));
    assert.equal(statSync(join(deep, "s.sock")).mode & 0o777, 0o600);
    closeSync(client);
    closeSync(server);
  });

  it("tells who the peer is", () => {
    const [client, server] = pair(join(directory, "peer.sock"));
    assert.deepEqual(peerCredentials(server), { pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
    closeSync(client);
    closeSync(server);
  });

  it("passes descriptors, close-on-exec at the receiver", () => {
    const [client, server] = pair(join(directory, "fds.sock"));
    assert.equal(receiveWithDescriptors(server, { maxBytes: 16, maxDescriptors: 3 }), undefined);
    const sent = createMemfd("passed");
    sendWithDescriptors(client, Buffer.from("F"), [sent, sent, sent]);
    const received = receiveWithDescriptors(server, { maxBytes: 16, maxDescriptors: 3 }) ?? assert.fail();
    assert.equal(received.data.toString(), "F");
    assert.equal(received.descriptors.length, 3);
    for (const descriptor of received.descriptors) {
      assert.match(readlinkSync(`/proc/self/fd/${descriptor}`), /memfd:passed/u);
      assert.match(readFileSync(`/proc/self/fdinfo/${descriptor}`, "utf8"), /flags:\s*02\d{6}/u);
      closeSync(descriptor);
    }
    closeSync(sent);
    closeSync(client);
    assert.equal(receiveWithDescriptors(server, { maxBytes: 16, maxDescriptors: 0 })?.data.length, 0);
    closeSync(server);
  });

  it("refuses more descriptors than expected and keeps none of them", () => {
    const [client, server] = pair(join(directory, "many.sock"));
    sendWithDescriptors(client, Buffer.from("F"), [client, client, client, client, client]);
    const before = readlinkSync("/proc/self/fd/0");
    assert.throws(() => receiveWithDescriptors(server, { maxBytes: 16, maxDescriptors: 1 }), {
      code: "ERR_LINUX_CALL",
    });
    assert.equal(readlinkSync("/proc/self/fd/0"), before);
    closeSync(client);
    closeSync(server);
  });

  it("connecting to nothing names the path and the errno", () => {
    assert.throws(() => connectUnix(join(directory, "none.sock"), { timeoutMs: 100 }), {
      code: "ERR_LINUX_CALL",
      details: { call: "connect", errno: "ENOENT" },
    });
  });
});

describe("messages over a descriptor", () => {
  it("reads one message and leaves the rest", () => {
    const [client, server] = pair(join(directory, "messages.sock"));
    writeMessageSync(client, { a: 1 });
    writeSync(client, "rest");
    assert.deepEqual(readMessageSync(server, { timeoutMs: 1000 }), { a: 1 });
    const rest = Buffer.alloc(8);
    assert.equal(rest.subarray(0, readSync(server, rest)).toString(), "rest");
    closeSync(client);
    assert.throws(() => readMessageSync(server, { timeoutMs: 1000 }), { code: "ERR_PEER_CLOSED" });
    closeSync(server);
  });

  it("gives up at its deadline, and throws the error that the peer reports", () => {
    const [client, server] = pair(join(directory, "request.sock"));
    assert.throws(() => requestSync(client, { op: "x" }, { timeoutMs: 30 }), { code: "ERR_DEADLINE" });
    writeMessageSync(server, {
      ok: false,
      error: { code: "ERR_FILE", kind: "failed-precondition", message: "no", details: {} },
    });
    assert.throws(() => requestSync(client, { op: "x" }, { timeoutMs: 1000 }), { code: "ERR_FILE" });
    writeMessageSync(server, { ok: true, value: 7 });
    assert.deepEqual(requestSync(client, { op: "x" }, { timeoutMs: 1000 }), { value: 7 });
    closeSync(client);
    closeSync(server);
  });
});

describe("processes", () => {
  it("tells how a process ended that libuv does not own", () => {
    const script = `
      linux.setChildSubreaper(true);
      const { execFileSync } = await import("node:child_process");
      const pid = Number(execFileSync("sh", ["-c", "(sleep 0.2; exit 7) >/dev/null & echo $!"], { encoding: "utf8" }));
      linux.onProcessExit(pid, (exit) => console.log(exit.pid === pid, exit.code, exit.signal));`;
    assert.equal(inProcess(script), "true 7 undefined");
  });

  it("takes the status of one orphan and leaves the others", () => {
    const script = `
      linux.setChildSubreaper(true);
      const { execFileSync } = await import("node:child_process");
      // It outlives the shell, which would take its status otherwise.
      const pid = Number(execFileSync("sh", ["-c", "(sleep 1; exit 7) >/dev/null & echo $!"], { encoding: "utf8" }));
      let exit;
      for (let tries = 0; exit === undefined && tries < 200; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        exit = linux.waitChild(pid);
      }
      console.log(exit.code, linux.waitChild(pid), linux.waitChild(1));`;
    assert.equal(inProcess(script), "7 undefined undefined");
  });

  it("signals by pidfd and reports the end of a process that is not a child", async () => {
    const child = spawn("sleep", ["60"]);
    const ended = once(child, "exit");
    const pid = child.pid ?? assert.fail();
    assert.equal(processExists(pid), true);
    const pidfd = pidfdOpen(pid);
    pidfdSendSignal(pidfd, 15);
    closeSync(pidfd);
    assert.deepEqual(await ended, [null, "SIGTERM"]);
    assert.equal(processExists(pid), false);
    assert.throws(() => onProcessExit(pid, () => undefined), { code: "ERR_LINUX_CALL" });
  });

  it("ends with the one that started it", async () => {
    const child = `${PRELUDE} linux.setParentDeathSignal(9); console.log(process.pid); setInterval(() => {}, 1000);`;
    const script = `
      const { spawn } = await import("node:child_process");
      const child = spawn(process.execPath, ["--input-type=module", "-e", ${JSON.stringify(child)}]);
      child.stdout.once("data", (text) => { console.log(String(text)); process.kill(process.pid, "SIGTERM"); });`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    const pid = Number(stdout);
    assert.ok(pid > 0);
    // Nobody may take its status, so it may stay as a zombie.
    const runs = (): boolean =>
      existsSync(`/proc/${pid}`) && !/^State:\tZ/mu.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    for (const until = Date.now() + 5000; runs() && Date.now() < until;) await sleep(10);
    assert.equal(runs(), false);
  });

  it("a pid 1 takes the statuses of orphans", () => {
    const script = `
      linux.setChildSubreaper(true);
      const { execFileSync } = await import("node:child_process");
      execFileSync("sh", ["-c", "(exit 3) & (exit 4) & exec true"], { stdio: "ignore" });
      const codes = []; const until = Date.now() + 5000;
      while (codes.length < 2 && Date.now() < until) codes.push(...linux.reapExitedChildren().map((exit) => exit.code));
      console.log(codes.sort().join());`;
    assert.equal(inProcess(script), "3,4");
  });

  it("leaves at once by _exit, with the code", () => {
    assert.throws(
      () =>
        inProcess(
          "process.on('exit', () => console.log('never')); setInterval(() => {}, 1); linux.exitImmediately(9);",
        ),
      {
        status: 9,
        stdout: "",
      },
    );
  });

  it("sets name and dumpable", () => {
    assert.equal(
      inProcess(
        `linux.setProcessName("init-runelet"); console.log((await import("node:fs")).readFileSync("/proc/self/comm", "utf8"))`,
      ),
      "init-runelet",
    );
    // Not dumpable: /proc entries belong to root, and nobody without privilege attaches.
    assert.equal(inProcess(`linux.setDumpable(false); console.log("ok")`), "ok");
  });
});

describe("signals", () => {
  it("ignores what it is told to", () => {
    const status = `(await import("node:fs")).readFileSync("/proc/self/status", "utf8").match(/SigIgn:\\t(.*)/)[1]`;
    const both = "(1n << 14n | 1n << 36n)";
    assert.equal(
      inProcess(`linux.ignoreSignals([15, 37]); console.log((BigInt("0x" + ${status}) & ${both}) === ${both})`),
      "true",
    );
  });
});

describe("mounts", { skip: process.getuid?.() === 0 ? false : "requires root: mount(2)" }, () => {
  it("mounts a tmpfs and takes it away", () => {
    const target = join(directory, "mount");
    mkdirSync(target);
    const mounted = (): boolean => readFileSync("/proc/self/mounts", "utf8").includes(` ${target} `);
    mount({ source: "tmpfs", target, type: "tmpfs", flags: MOUNT_FLAGS.noSuid, data: "size=64k" });
    assert.equal(mounted(), true);
    unmount(target, { detach: true });
    assert.equal(mounted(), false);
    assert.throws(() => unmount(target, { detach: false }), {
      code: "ERR_LINUX_CALL",
      details: { call: "umount", errno: "EINVAL" },
    });
  });
});

describe("fillRandom", () => {
  it("fills every byte, of large buffers too", () => {
    const bytes = new Uint8Array(1 << 20);
    fillRandom(bytes);
    for (let at = 0; at < bytes.length; at += 4096) {
      assert.ok(
        bytes.subarray(at, at + 4096).some((byte) => byte !== 0),
        `nothing at ${at}`,
      );
    }
  });
});
