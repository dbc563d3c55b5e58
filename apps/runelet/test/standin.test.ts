import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, readFileSync, readlinkSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import {
  acceptUnix,
  closeQuietly,
  connectUnix,
  listenUnix,
  receiveWithDescriptors,
  waitReadable,
} from "@inclavare/linux";

const directory = mkdtempSync(join(tmpdir(), "inclavare-standin-"));
const program = join(directory, "standin");
const source = join(import.meta.dirname, "..", "standin", "standin.c");
const compiler = spawnSync("cc", ["--version"]).status === 0 ? false : "requires cc: the system's C compiler";

/** A stand-in whose socket is held here: `server` is init-runelet's end. */
function start(): { child: ChildProcess; server: number } {
  const path = join(directory, `${Math.random().toString(36).slice(2)}.sock`);
  const listener = listenUnix(path, { mode: 0o600 });
  const client = connectUnix(path, { timeoutMs: 1000 });
  const server = acceptUnix(listener) ?? assert.fail();
  const child = spawn(program, ["3"], { stdio: ["pipe", "pipe", "pipe", client] });
  closeQuietly([listener, client]);
  return { child, server };
}

function receive(server: number): { data: Buffer; descriptors: readonly number[] } {
  waitReadable(server, 5000, "a byte of the stand-in");
  return receiveWithDescriptors(server, { maxBytes: 16, maxDescriptors: 4 }) ?? assert.fail();
}

describe("stand-in", { skip: compiler }, () => {
  before(() => execFileSync("cc", ["-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", program, source]));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("hands over its streams and the sign of its life, and ends with the byte that comes back", async () => {
    const { child, server } = start();
    const { data, descriptors } = receive(server);
    assert.equal(data.toString(), "F");
    assert.equal(descriptors.length, 4);
    const printed = text(child.stdout ?? assert.fail());
    writeSync(descriptors[1] ?? assert.fail(), "from the enclave");
    assert.match(readlinkSync(`/proc/self/fd/${descriptors[0]}`), /^(?:socket|pipe):/u);
    closeQuietly(descriptors);
    writeSync(server, Uint8Array.of(7));
    assert.deepEqual(await once(child, "exit"), [7, null]);
    assert.equal(await printed, "from the enclave");
    closeSync(server);
  });

  it("forwards signals, real-time ones too, and lives on", async () => {
    const { child, server } = start();
    closeQuietly(receive(server).descriptors);
    const pid = String(child.pid);
    for (const signal of ["15", "1", "12", "37"]) {
      execFileSync("kill", [`-${signal}`, pid]);
      assert.deepEqual([...receive(server).data], [Number(signal)]);
    }
    assert.match(readFileSync(`/proc/${pid}/status`, "utf8"), /State:\s+S/u);
    writeSync(server, Uint8Array.of(137));
    assert.deepEqual(await once(child, "exit"), [137, null]);
    closeSync(server);
  });

  it("ends with 255 and a word on stderr when the enclave is gone", async () => {
    const { child, server } = start();
    const said = text(child.stderr ?? assert.fail());
    closeQuietly(receive(server).descriptors);
    closeSync(server);
    assert.deepEqual(await once(child, "exit"), [255, null]);
    assert.match(await said, /the enclave is gone/u);
  });

  it("closes its connection when it is killed", async () => {
    const { child, server } = start();
    closeQuietly(receive(server).descriptors);
    child.kill("SIGKILL");
    await once(child, "exit");
    assert.equal(receive(server).data.length, 0);
    closeSync(server);
  });

  for (const args of [[], ["x"], ["2"], ["3x"], ["99"], ["3", "4"]]) {
    it(`refuses arguments ${JSON.stringify(args)}`, () => assert.equal(spawnSync(program, args).status, 255));
  }
});
