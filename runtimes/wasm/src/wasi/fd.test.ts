import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FDFLAG, FILETYPE, RIGHT, WHENCE } from "./abi.ts";
import { TestGuest } from "./testing.ts";

function scratch(): { guest: TestGuest; dir: number } {
  const guest = new TestGuest();
  return { guest, dir: guest.scratch() };
}

describe("directories as descriptors", () => {
  it("refuse everything that is for files", () => {
    const { guest, dir } = scratch();
    assert.equal(guest.stat(dir).type, FILETYPE.DIRECTORY);
    assert.equal(guest.read(dir, 1), "BADF");
    assert.equal(guest.read(dir, 1, 0), "BADF");
    assert.equal(guest.write(dir, "x"), "BADF");
    assert.equal(guest.write(dir, "x", 0), "BADF");
    for (const whence of [WHENCE.SET, WHENCE.CUR, WHENCE.END]) assert.equal(guest.seek(dir, 0, whence), "BADF");
    assert.equal(guest.call("fd_tell", dir, 64), "BADF");
    assert.equal(guest.call("fd_allocate", dir, 0n, 0n), "BADF");
    assert.equal(guest.call("fd_filestat_set_size", dir, 0n), "BADF");
  });

  it("are found by the guest as preopened, by name", () => {
    const { guest, dir } = scratch();
    guest.do("fd_prestat_get", 3, 64);
    assert.deepEqual([...guest.bytes(64, 8)], [0, 0, 0, 0, 1, 0, 0, 0]);
    assert.equal(guest.call("fd_prestat_dir_name", 3, 4096, 0), "NAMETOOLONG");
    guest.do("fd_prestat_dir_name", 3, 4096, 2);
    assert.deepEqual([...guest.bytes(4096, 2)], [0x2f, 0]);
    assert.equal(guest.call("fd_prestat_get", dir, 64), "BADF");
    assert.equal(guest.call("fd_prestat_get", 4711, 64), "BADF");
  });

  it("have the rights that guests expect of a preopened one", () => {
    const { guest } = scratch();
    const { rights, inheriting } = guest.fdstat(3);
    const expected =
      RIGHT.PATH_OPEN | RIGHT.PATH_CREATE_FILE | RIGHT.FD_READDIR | RIGHT.PATH_SYMLINK | RIGHT.FD_FILESTAT_SET_TIMES;
    assert.equal(rights & expected, expected);
    const handedOn = expected | RIGHT.FD_READ | RIGHT.FD_WRITE | RIGHT.FD_ALLOCATE | RIGHT.POLL_FD_READWRITE;
    assert.equal(inheriting & handedOn, handedOn);
  });
});

describe("fd_readdir", () => {
  it("lists . and .. and continues from a cookie", () => {
    const { guest, dir } = scratch();
    const empty = guest.readdir(dir, 0n);
    assert.deepEqual(
      empty.entries.map(({ name, type }) => [name, type]),
      [
        [".", FILETYPE.DIRECTORY],
        ["..", FILETYPE.DIRECTORY],
      ],
    );
    assert.equal(empty.entries[0]?.ino, guest.stat(dir).ino);
    assert.equal(empty.entries[1]?.ino, guest.stat(3).ino);
    const file = guest.openReadWrite(dir, "file");
    const listed = guest.readdir(dir, 0n).entries;
    assert.equal(listed[2]?.ino, guest.stat(file).ino);
    const rest = guest.readdir(dir, listed[1]?.next ?? 0n);
    assert.deepEqual(
      rest.entries.map(({ name }) => name),
      ["file"],
    );
    assert.equal(rest.more, false);
  });

  it("neither repeats nor misses among a thousand, while some are removed", () => {
    const { guest, dir } = scratch();
    for (let count = 0; count < 1000; count += 1) guest.create(dir, `file.${count}`);
    const seen = new Set<string>();
    for (let cookie = 0n, more = true; more;) {
      const piece = guest.readdir(dir, cookie);
      for (const { name } of piece.entries) {
        assert.ok(!seen.has(name));
        seen.add(name);
        if (name.startsWith("file")) guest.do("path_unlink_file", dir, name);
      }
      cookie = piece.entries.at(-1)?.next ?? cookie;
      more = piece.more;
    }
    assert.equal(seen.size, 1002);
    assert.equal(guest.readdir(dir, 0n).entries.length, 2);
  });
});

describe("position and size", () => {
  it("seeks and tells", () => {
    const { guest, dir } = scratch();
    const fd = guest.openReadWrite(dir, "file");
    assert.equal(guest.write(fd, "x".repeat(100)), 100);
    assert.equal(guest.seek(fd, 0, WHENCE.CUR), 100);
    assert.equal(guest.seek(fd, -50, WHENCE.CUR), 50);
    assert.equal(guest.seek(fd, 0, WHENCE.SET), 0);
    assert.equal(guest.seek(fd, 1000, WHENCE.CUR), 1000);
    assert.equal(guest.seek(fd, -2000, WHENCE.CUR), "INVAL");
    assert.equal(guest.seek(fd, 0, 3), "INVAL");
    assert.equal(guest.seek(fd, -1, WHENCE.END), 99);
    guest.do("fd_tell", fd, 64);
    assert.equal(guest.view().getBigUint64(64, true), 99n);
  });

  it("reads and writes at an offset without moving", () => {
    const { guest, dir } = scratch();
    const fd = guest.openReadWrite(dir, "file");
    assert.equal(guest.write(fd, "", 50), 0);
    assert.equal(guest.stat(fd).size, 0n);
    assert.equal(guest.write(fd, "abcd", 0), 4);
    assert.equal(guest.read(fd, 10, 2), "cd");
    assert.equal(guest.write(fd, "z", 50), 1);
    assert.equal(guest.stat(fd).size, 51n);
    assert.equal(guest.seek(fd, 0, WHENCE.CUR), 0);
    assert.equal(guest.read(fd, 6), "abcd\0\0");
  });

  it("appends whatever the offset, until the flag is cleared", () => {
    const { guest, dir } = scratch();
    const fd = guest.openReadWrite(dir, "file", FDFLAG.APPEND);
    guest.write(fd, "aa");
    guest.seek(fd, 0, WHENCE.SET);
    guest.write(fd, "bb");
    assert.equal(guest.seek(fd, 0, WHENCE.CUR), 4);
    assert.equal(guest.write(fd, "c", 0), 1);
    assert.equal(guest.seek(fd, 0, WHENCE.CUR), 4);
    assert.equal(guest.stat(fd).size, 5n);
    guest.do("fd_fdstat_set_flags", fd, 0);
    guest.seek(fd, 0, WHENCE.SET);
    guest.write(fd, "dd");
    guest.seek(fd, 0, WHENCE.SET);
    assert.equal(guest.read(fd, 10), "ddbbc");
  });

  it("sets size and times", () => {
    const { guest, dir } = scratch();
    const fd = guest.openReadWrite(dir, "file");
    guest.do("fd_filestat_set_size", fd, 100n);
    const { size, atime, mtime } = guest.stat(fd);
    assert.equal(size, 100n);
    guest.do("fd_filestat_set_times", fd, mtime - 100n, mtime - 100n, 4);
    assert.equal(guest.stat(fd).mtime, mtime - 100n);
    assert.equal(guest.stat(fd).atime, atime);
    assert.equal(guest.call("fd_filestat_set_times", fd, 1n, 2n, 4 | 8), "INVAL");
    assert.equal(guest.call("fd_filestat_set_times", fd, 1n, 2n, 1 | 2), "INVAL");
    guest.do("fd_filestat_set_size", fd, 2n);
    guest.do("fd_filestat_set_size", fd, 4n);
    assert.equal(guest.read(fd, 10), "\0\0\0\0");
  });

  it("allocates, never shrinking", () => {
    const { guest, dir } = scratch();
    const fd = guest.openReadWrite(dir, "file");
    guest.do("fd_allocate", fd, 0n, 100n);
    assert.equal(guest.stat(fd).size, 100n);
    guest.do("fd_allocate", fd, 10n, 10n);
    assert.equal(guest.stat(fd).size, 100n);
    guest.do("fd_allocate", fd, 90n, 20n);
    assert.equal(guest.stat(fd).size, 110n);
    assert.equal(guest.call("fd_allocate", fd, 0n, 1n << 40n), "NOSPC");
    assert.equal(guest.call("fd_allocate", fd, 1n << 63n, 1n), "INVAL");
  });

  it("bounds what all files hold, and gives the room back", () => {
    const guest = new TestGuest({ quotaBytes: 100_000 });
    const dir = guest.scratch();
    const fd = guest.openReadWrite(dir, "file");
    assert.equal(guest.call("fd_filestat_set_size", fd, 200_000n), "NOSPC");
    guest.do("fd_filestat_set_size", fd, 90_000n);
    assert.equal(guest.write(guest.openReadWrite(dir, "other"), "x".repeat(20_000)), "NOSPC");
    guest.do("path_unlink_file", dir, "file");
    assert.equal(guest.call("fd_filestat_set_size", guest.openReadWrite(dir, "third"), 90_000n), "NOSPC");
    guest.do("fd_close", fd);
    guest.do("fd_filestat_set_size", guest.openReadWrite(dir, "third"), 90_000n);
  });
});

describe("numbers", () => {
  it("renumbers over another, a preopened one too", () => {
    const { guest, dir } = scratch();
    const from = guest.openReadWrite(dir, "file1");
    const to = guest.openReadWrite(dir, "file2");
    const before = guest.fdstat(from);
    guest.do("fd_renumber", from, to);
    assert.equal(guest.call("fd_close", from), "BADF");
    assert.deepEqual(guest.fdstat(to), before);
    const { ino } = guest.stat(dir);
    guest.do("fd_renumber", dir, 3);
    assert.equal(guest.stat(3).ino, ino);
    assert.equal(guest.call("fd_fdstat_get", dir, 64), "BADF");
    assert.equal(guest.call("fd_renumber", 3, 77), "BADF");
  });

  it("closes a preopened one, and runs out at a bound", () => {
    const { guest, dir } = scratch();
    guest.do("fd_close", 3);
    assert.equal(guest.call("fd_fdstat_get", 3, 64), "BADF");
    assert.equal(guest.fdstat(dir).type, FILETYPE.DIRECTORY);
    guest.create(dir, "file");
    let opened: number | string = 0;
    while (typeof opened === "number") opened = guest.tryOpen(dir, "file");
    assert.equal(opened, "MFILE");
  });

  it("answers BADF for what is not open, NOTSOCK for what is no socket", () => {
    const { guest, dir } = scratch();
    const fd = guest.openReadWrite(dir, "file");
    assert.equal(guest.call("sock_shutdown", fd, 1), "NOTSOCK");
    assert.equal(guest.call("sock_shutdown", dir, 1), "NOTSOCK");
    guest.do("fd_close", fd);
    assert.equal(guest.call("sock_shutdown", fd, 1), "BADF");
    assert.equal(guest.call("sock_accept", 99, 0, 64), "BADF");
    assert.equal(guest.call("sock_recv", 3, 64, 1, 0, 64, 68), "NOTSOCK");
    assert.equal(guest.call("sock_send", 3, 64, 1, 0, 64), "NOTSOCK");
  });

  it("checks advice and flags", () => {
    const { guest, dir } = scratch();
    const fd = guest.openReadWrite(dir, "file");
    guest.do("fd_advise", fd, 0n, 10n, 3);
    assert.equal(guest.call("fd_advise", fd, 0n, 10n, 6), "INVAL");
    assert.equal(guest.call("fd_fdstat_set_flags", fd, 32), "INVAL");
    guest.do("fd_sync", fd);
    guest.do("fd_datasync", fd);
  });
});
