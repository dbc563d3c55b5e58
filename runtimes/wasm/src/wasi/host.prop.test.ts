import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import type { Node } from "../fs/node.ts";
import { IMPORT_NAMES } from "./imports.ts";
import { Ended, TestGuest } from "./testing.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 100);

const ENTRIES = [
  { type: "directory", path: "/d", mtimeSeconds: 1 },
  { type: "file", path: "/d/f", mtimeSeconds: 1, bytes: new Uint8Array([1, 2, 3]) },
  { type: "symlink", path: "/up", mtimeSeconds: 1, target: "../../d" },
  { type: "symlink", path: "/abs", mtimeSeconds: 1, target: "/d/f" },
  { type: "symlink", path: "/loop", mtimeSeconds: 1, target: "loop/x" },
] as const;

/** Everything below a node by path, with what identifies it. */
function snapshot(node: Node, path = ""): string[] {
  const line = `${path} ${node.type} ${node.ino} ${node.nlink} ${node.times.mtime}`;
  if (node.type !== "directory") return [line];
  return [line, ...[...node.entries].flatMap(([name, entry]) => snapshot(entry, `${path}/${name}`))];
}

function image(guest: TestGuest): string[] {
  return snapshot(guest.host.fileSystem.root).filter((line) => !line.startsWith("/tmp"));
}

const names = fc.constantFrom("a", "b", "c", "a/b", "b/a", "a/", ".", "..", "a/..", "a/./b", "../tmp/a", "link", "");
const scratch = fc.constantFrom(3, 4);

/** One call with arguments that mean something. */
const step = fc.oneof(
  fc.record({ call: fc.constant("path_create_directory" as const), fd: scratch, path: names }),
  fc.record({ call: fc.constant("path_remove_directory" as const), fd: scratch, path: names }),
  fc.record({ call: fc.constant("path_unlink_file" as const), fd: scratch, path: names }),
  fc.record({ call: fc.constant("path_rename" as const), fd: scratch, path: names, to: names }),
  fc.record({ call: fc.constant("path_link" as const), fd: scratch, path: names, to: names }),
  fc.record({ call: fc.constant("path_symlink" as const), fd: scratch, path: names, to: names }),
  fc.record({ call: fc.constant("write" as const), fd: scratch, path: names }),
);

function perform(
  guest: TestGuest,
  { call, fd, path, ...more }: { call: string; fd: number; path: string; to?: string },
) {
  const { to = "" } = more;
  if (call === "path_rename") guest.call(call, fd, path, 4, to);
  else if (call === "path_link") guest.call(call, fd, 0, path, 4, to);
  else if (call === "path_symlink") guest.call(call, to, fd, path);
  else if (call === "write") {
    const opened = guest.tryOpen(fd, path, { open: 1, rights: 66, follow: true });
    if (typeof opened !== "number") return;
    guest.write(opened, "x".repeat(1000));
    guest.do("fd_close", opened);
  } else guest.call(call, fd, path);
}

/** Removes all that is in the directory of the descriptor. */
function clear(guest: TestGuest, fd: number): void {
  for (const { name, type } of guest.readdir(fd, 0n, 4096).entries) {
    if (name === "." || name === "..") continue;
    if (type !== 3) {
      guest.do("path_unlink_file", fd, name);
      continue;
    }
    const inner = guest.open(fd, name, { open: 2 });
    clear(guest, inner);
    guest.do("fd_close", inner);
    guest.do("path_remove_directory", fd, name);
  }
}

describe("host functions", () => {
  it("return an error number or end the guest, whatever they are given, and leave the image as it was", () => {
    const argument = fc.oneof(
      fc.integer({ min: -4, max: 6 }),
      fc.integer({ min: 0, max: 2 * 65536 + 10 }),
      fc.integer(),
    );
    const call = fc.record({
      name: fc.constantFrom(...IMPORT_NAMES),
      args: fc.array(argument, { minLength: 9, maxLength: 9 }),
    });
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), fc.uint8Array({ maxLength: 600 }), (calls, memory) => {
        const guest = new TestGuest({ entries: ENTRIES, files: [{ path: "/s", bytes: new Uint8Array(4) }] });
        guest.scratch();
        new Uint8Array(guest.memory.buffer).set(memory, 0);
        const before = image(guest);
        for (const { name, args } of calls) {
          try {
            guest.call(name, ...asTyped(name, args));
          } catch (thrown) {
            assert.ok(thrown instanceof Ended, String(thrown));
          }
        }
        assert.deepEqual(image(guest), before);
      }),
      { numRuns },
    );
  });

  it("never leave the directory, and give back all room when everything is removed", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const guest = new TestGuest({ entries: ENTRIES });
        const dir = guest.scratch();
        assert.equal(dir, 4);
        const before = image(guest);
        const used = guest.host.fileSystem.quota.usedBytes;
        for (const one of steps) perform(guest, one);
        assert.deepEqual(image(guest), before);
        clear(guest, dir);
        assert.equal(guest.host.fileSystem.quota.usedBytes, used);
      }),
      { numRuns },
    );
  });
});

/** The positions of 64-bit arguments. */
const WIDE: Readonly<Record<string, readonly number[]>> = {
  clock_time_get: [1],
  fd_advise: [1, 2],
  fd_allocate: [1, 2],
  fd_fdstat_set_rights: [1, 2],
  fd_filestat_set_size: [1],
  fd_filestat_set_times: [1, 2],
  fd_pread: [3],
  fd_pwrite: [3],
  fd_readdir: [3],
  fd_seek: [1],
  path_filestat_set_times: [4, 5],
  path_open: [5, 6],
};

function asTyped(name: string, args: readonly number[]): (number | bigint)[] {
  return args.map((value, index) => (WIDE[name]?.includes(index) === true ? BigInt(value) : value));
}
