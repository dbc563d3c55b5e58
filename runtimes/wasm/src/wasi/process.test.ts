import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CLOCK, EVENT, RIGHT } from "./abi.ts";
import { createImports, IMPORT_NAMES } from "./imports.ts";
import { Ended, TestGuest } from "./testing.ts";

function endOf(run: () => void): unknown {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof Ended) return thrown.outcome;
    throw thrown;
  }
  return undefined;
}

/** Writes a clock subscription (48 bytes). */
function putClock(guest: TestGuest, at: number, { userdata = 1n, id = 1, timeout = 0n, flags = 0 }): void {
  const view = guest.view();
  view.setBigUint64(at, userdata, true);
  view.setUint8(at + 8, EVENT.CLOCK);
  view.setUint32(at + 16, id, true);
  view.setBigUint64(at + 24, timeout, true);
  view.setUint16(at + 40, flags, true);
}

function putRead(guest: TestGuest, at: number, fd: number, userdata: bigint): void {
  const view = guest.view();
  view.setBigUint64(at, userdata, true);
  view.setUint8(at + 8, EVENT.FD_READ);
  view.setUint32(at + 16, fd, true);
}

function events(guest: TestGuest, at: number, count: number): unknown[] {
  const view = guest.view();
  return Array.from({ length: count }, (_, index) => {
    const event = at + index * 32;
    return {
      userdata: view.getBigUint64(event, true),
      errno: view.getUint16(event + 8, true),
      type: view.getUint8(event + 10),
      sizeBytes: view.getBigUint64(event + 16, true),
    };
  });
}

describe("host functions", () => {
  it("are all of preview 1", () => {
    const guest = new TestGuest();
    const imports = createImports(guest.host, { onThrow: () => assert.fail() });
    assert.deepEqual(Object.keys(imports).toSorted(), IMPORT_NAMES);
    assert.equal(IMPORT_NAMES.length, 46);
  });

  it("answer FAULT for addresses outside the memory and leave nothing open", () => {
    const guest = new TestGuest();
    const dir = guest.scratch();
    const [pointer, length] = guest.put("file");
    const at = 2 * 65536 - 3;
    assert.equal(guest.call("path_open", dir, 0, pointer, length, 1, 0n, 0n, 0, at), "FAULT");
    assert.equal(guest.call("path_open", dir, 0, -8, 16, 1, 0n, 0n, 0, 64), "FAULT");
    assert.equal(guest.call("random_get", 1000, -1), "FAULT");
    assert.equal(guest.call("fd_fdstat_get", dir, at), "FAULT");
    assert.equal(guest.call("fd_read", 0, at, 1, 64), "FAULT");
    assert.equal(guest.call("fd_read", 0, 64, 1025, 64), "INVAL");
    assert.equal(guest.tryOpen(dir, "file"), "NOENT");
    assert.equal(guest.open(dir, "."), dir + 1);
  });

  it("see the memory grow", () => {
    const guest = new TestGuest();
    guest.do("random_get", 0, 16);
    guest.memory.grow(1);
    guest.do("random_get", 2 * 65536, 65536);
    assert.ok(guest.bytes(2 * 65536, 1000).some((byte) => byte !== 0));
  });
});

describe("arguments and environment", () => {
  it("are NUL-terminated UTF-8 with pointers", () => {
    const guest = new TestGuest({ args: ["prog", "ä b", ""], env: ["A=1"] });
    guest.do("args_sizes_get", 64, 68);
    assert.deepEqual([guest.view().getUint32(64, true), guest.view().getUint32(68, true)], [3, 5 + 5 + 1]);
    guest.do("args_get", 128, 256);
    assert.equal(guest.view().getUint32(132, true), 261);
    assert.equal(new TextDecoder().decode(guest.bytes(256, 11)), "prog\0ä b\0\0");
    guest.do("environ_sizes_get", 64, 68);
    assert.deepEqual([guest.view().getUint32(64, true), guest.view().getUint32(68, true)], [1, 4]);
    guest.do("environ_get", 128, 256);
    assert.equal(new TextDecoder().decode(guest.bytes(256, 4)), "A=1\0");
  });
});

describe("clocks", () => {
  it("tell time and resolution, and refuse unknown ones", () => {
    const guest = new TestGuest({ clocks: { monotonic: () => 42n } });
    guest.do("clock_time_get", CLOCK.MONOTONIC, 0n, 64);
    assert.equal(guest.view().getBigUint64(64, true), 42n);
    guest.do("clock_time_get", CLOCK.PROCESS_CPUTIME, 0n, 64);
    assert.equal(guest.view().getBigUint64(64, true), 5n);
    guest.do("clock_res_get", CLOCK.REALTIME, 64);
    assert.ok(guest.view().getBigUint64(64, true) > 0n);
    assert.equal(guest.call("clock_time_get", 9, 0n, 64), "INVAL");
    assert.equal(guest.call("clock_res_get", -1, 64), "INVAL");
  });
});

describe("ends of a process", () => {
  it("keeps eight bits of an exit code", () => {
    const guest = new TestGuest();
    for (const [code, expected] of [
      [0, 0],
      [7, 7],
      [256, 0],
      [-1, 255],
    ] as const) {
      assert.deepEqual(
        endOf(() => guest.call("proc_exit", code)),
        { code: expected },
      );
    }
  });

  it("raises signals by their Linux numbers, harmless ones not at all", () => {
    const guest = new TestGuest();
    assert.deepEqual(
      endOf(() => guest.call("proc_raise", 6)),
      { signal: 6 },
    );
    assert.deepEqual(
      endOf(() => guest.call("proc_raise", 23)),
      { signal: 24 },
    );
    assert.equal(guest.call("proc_raise", 16), "SUCCESS");
    assert.equal(guest.call("proc_raise", 27), "SUCCESS");
    assert.equal(guest.call("proc_raise", 18), "NOTSUP");
    assert.equal(guest.call("proc_raise", 99), "INVAL");
    assert.equal(guest.call("sched_yield"), "SUCCESS");
  });
});

describe("poll_oneoff", () => {
  it("wakes when the earliest clock is due", () => {
    let now = 0n;
    const slept: number[] = [];
    const guest = new TestGuest({
      clocks: { monotonic: () => now },
      waiter: {
        sleep(milliseconds) {
          slept.push(milliseconds);
          now += BigInt(Math.ceil(milliseconds * 1e6));
        },
        wait: () => assert.fail("nothing to wait for"),
        check: () => undefined,
      },
    });
    putClock(guest, 1024, { userdata: 1n, timeout: 9_000_000n });
    putClock(guest, 1072, { userdata: 2n, timeout: 1_500_000n });
    guest.do("poll_oneoff", 1024, 2048, 2, 64);
    assert.deepEqual(slept, [1.5]);
    assert.equal(guest.view().getUint32(64, true), 1);
    assert.deepEqual(events(guest, 2048, 1), [{ userdata: 2n, errno: 0, type: EVENT.CLOCK, sizeBytes: 0n }]);
    putClock(guest, 1024, { userdata: 3n, timeout: now - 1n, flags: 1 });
    guest.do("poll_oneoff", 1024, 2048, 1, 64);
    assert.equal(slept.length, 2);
    assert.equal(slept[1], 0);
  });

  it("finds files ready at once and reports each failure as an event", () => {
    const guest = new TestGuest();
    const dir = guest.scratch();
    const file = guest.openReadWrite(dir, "file");
    guest.write(file, "abc");
    guest.seek(file, 1, 0);
    putRead(guest, 1024, file, 10n);
    putRead(guest, 1072, 77, 11n);
    putRead(guest, 1120, dir, 12n);
    putClock(guest, 1168, { userdata: 13n, id: CLOCK.PROCESS_CPUTIME });
    putClock(guest, 1216, { userdata: 14n, timeout: 1n << 60n });
    guest.do("poll_oneoff", 1024, 2048, 5, 64);
    assert.equal(guest.view().getUint32(64, true), 4);
    assert.deepEqual(events(guest, 2048, 4), [
      { userdata: 10n, errno: 0, type: EVENT.FD_READ, sizeBytes: 2n },
      { userdata: 11n, errno: 8, type: EVENT.FD_READ, sizeBytes: 0n },
      { userdata: 12n, errno: 8, type: EVENT.FD_READ, sizeBytes: 0n },
      { userdata: 13n, errno: 58, type: EVENT.CLOCK, sizeBytes: 0n },
    ]);
    assert.equal(guest.call("poll_oneoff", 1024, 2048, 0, 64), "INVAL");
  });

  it("watches standard streams", () => {
    const waited: unknown[] = [];
    const guest = new TestGuest({
      waiter: {
        sleep: () => assert.fail(),
        wait(interests, timeoutMs) {
          waited.push(interests, timeoutMs);
          return [{ ready: true, hangup: true }];
        },
        check: () => undefined,
      },
    });
    guest.do("fd_close", 0);
    guest.host.descriptors.add({
      kind: "stream",
      rights: RIGHT.FD_READ | RIGHT.POLL_FD_READWRITE,
      inheriting: 0,
      flags: 0,
      stream: { type: "pipe", fd: 5, read: () => 0, write: () => 0 },
    });
    putRead(guest, 1024, 0, 7n);
    guest.do("poll_oneoff", 1024, 2048, 1, 64);
    assert.deepEqual(waited, [[{ fd: 5, want: "read" }], undefined]);
    assert.deepEqual(events(guest, 2048, 1), [{ userdata: 7n, errno: 0, type: EVENT.FD_READ, sizeBytes: 1n }]);
    assert.equal(guest.view().getUint16(2048 + 24, true), 1);
    assert.equal(guest.seek(0, 0, 0), "SPIPE");
    assert.equal(guest.read(0, 4, 0), "SPIPE");
  });
});
