import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FDFLAG, FILETYPE, OFLAG, RIGHT } from "./abi.ts";
import { type Stat, TestGuest } from "./testing.ts";

const READ_WRITE = RIGHT.FD_READ | RIGHT.FD_WRITE;

function scratch(): { guest: TestGuest; dir: number } {
  const guest = new TestGuest();
  return { guest, dir: guest.scratch() };
}

function statOf(guest: TestGuest, dir: number, path: string, options?: { follow?: boolean }): Stat {
  const stat = guest.statPath(dir, path, options);
  if (typeof stat === "string") assert.fail(stat);
  return stat;
}

describe("path_open", () => {
  it("refuses what leads out of the directory, and follows dots within it", () => {
    const { guest, dir } = scratch();
    guest.do("path_create_directory", dir, "dir");
    guest.do("path_create_directory", dir, "dir/nested");
    guest.create(dir, "dir/nested/file");
    assert.equal(guest.tryOpen(dir, "/dir/nested/file"), "PERM");
    assert.equal(typeof guest.tryOpen(dir, "dir/.//nested/../../dir/nested/../nested///./file"), "number");
    assert.equal(guest.tryOpen(dir, "dir/nested/../../../tmp/dir/nested/file"), "PERM");
    assert.equal(guest.tryOpen(dir, ".."), "PERM");
    assert.equal(guest.tryOpen(3, "../etc"), "PERM");
  });

  it("refuses NUL bytes, invalid UTF-8, empty and overlong names", () => {
    const { guest, dir } = scratch();
    guest.create(dir, "file");
    assert.equal(guest.tryOpen(dir, "file\0"), "INVAL");
    assert.equal(guest.tryOpen(dir, ""), "NOENT");
    assert.equal(guest.tryOpen(dir, "n".repeat(256)), "NAMETOOLONG");
    assert.equal(guest.tryOpen(dir, "d/".repeat(4000)), "NAMETOOLONG");
    const [pointer, length] = guest.put(new Uint8Array([0x66, 0xff]));
    assert.equal(guest.call("path_open", dir, 0, pointer, length, 0, 0n, 0n, 0, 64), "ILSEQ");
  });

  it("takes a trailing slash as a demand for a directory", () => {
    const { guest, dir } = scratch();
    guest.do("path_create_directory", dir, "d");
    guest.create(dir, "d/file");
    assert.equal(guest.tryOpen(dir, "d/file/"), "NOTDIR");
    assert.equal(guest.tryOpen(dir, "d/file///"), "NOTDIR");
    assert.equal(typeof guest.tryOpen(dir, "d/"), "number");
    assert.equal(typeof guest.tryOpen(dir, "d///"), "number");
    assert.equal(guest.tryOpen(dir, "new/", { open: OFLAG.CREAT }), "ISDIR");
  });

  it("refuses a symbolic link unless told to follow", () => {
    const { guest, dir } = scratch();
    guest.do("path_create_directory", dir, "target");
    guest.do("path_symlink", "target", dir, "symlink");
    assert.equal(guest.tryOpen(dir, "symlink", { open: OFLAG.DIRECTORY }), "NOTDIR");
    assert.equal(guest.tryOpen(dir, "symlink"), "LOOP");
    assert.equal(typeof guest.tryOpen(dir, "symlink", { follow: true, open: OFLAG.DIRECTORY }), "number");
    guest.do("path_unlink_file", dir, "symlink");
    guest.do("path_remove_directory", dir, "target");
    guest.create(dir, "target");
    guest.do("path_symlink", "target", dir, "symlink");
    assert.equal(guest.tryOpen(dir, "symlink"), "LOOP");
    assert.equal(guest.tryOpen(dir, "symlink", { follow: true, open: OFLAG.DIRECTORY }), "NOTDIR");
  });

  it("handles dangling links and loops", () => {
    const { guest, dir } = scratch();
    guest.do("path_symlink", "target", dir, "dangling");
    assert.equal(guest.tryOpen(dir, "dangling", { open: OFLAG.DIRECTORY }), "NOTDIR");
    assert.equal(guest.tryOpen(dir, "dangling"), "LOOP");
    assert.equal(guest.tryOpen(dir, "dangling", { follow: true }), "NOENT");
    assert.equal(guest.tryOpen(dir, "dangling", { open: OFLAG.CREAT | OFLAG.EXCL, follow: true }), "EXIST");
    guest.open(dir, "dangling", { open: OFLAG.CREAT, follow: true });
    assert.equal(statOf(guest, dir, "target").type, FILETYPE.REGULAR_FILE);
    guest.do("path_symlink", "loop", dir, "loop");
    assert.equal(guest.tryOpen(dir, "loop"), "LOOP");
    assert.equal(guest.tryOpen(dir, "loop", { follow: true }), "LOOP");
    assert.equal(guest.tryOpen(dir, "loop/below"), "LOOP");
  });

  it("opens links of the image with absolute targets from the root only", () => {
    const entries = [
      { type: "file", path: "data/file", mtimeSeconds: 1, bytes: new Uint8Array([65]) },
      { type: "symlink", path: "links/absolute", mtimeSeconds: 1, target: "/data/file" },
      { type: "symlink", path: "links/out", mtimeSeconds: 1, target: "../../../etc/passwd" },
    ] as const;
    const guest = new TestGuest({ entries });
    const fd = guest.open(3, "links/absolute", { follow: true, rights: RIGHT.FD_READ });
    assert.equal(guest.read(fd, 10), "A");
    const links = guest.open(3, "links", { open: OFLAG.DIRECTORY });
    assert.equal(guest.tryOpen(links, "absolute", { follow: true }), "PERM");
    assert.equal(guest.tryOpen(3, "links/out", { follow: true }), "PERM");
  });

  it("refuses to create what exists, and files as starting points", () => {
    const { guest, dir } = scratch();
    guest.create(dir, "file");
    assert.equal(guest.tryOpen(dir, "file", { open: OFLAG.CREAT | OFLAG.EXCL }), "EXIST");
    assert.equal(guest.tryOpen(guest.open(dir, "file"), "foo", { open: OFLAG.CREAT }), "NOTDIR");
    assert.equal(guest.tryOpen(99, "foo"), "BADF");
    assert.equal(guest.tryOpen(dir, "missing"), "NOENT");
    assert.equal(guest.tryOpen(dir, "missing/below", { open: OFLAG.CREAT }), "NOENT");
    assert.equal(guest.tryOpen(dir, "file/below"), "NOTDIR");
  });

  it("opens directories for reading only", () => {
    const { guest, dir } = scratch();
    const { rights, inheriting } = guest.fdstat(3);
    assert.equal(typeof guest.tryOpen(3, ".", { rights, inheriting }), "number");
    assert.equal(typeof guest.tryOpen(3, "."), "number");
    assert.equal(typeof guest.tryOpen(dir, ".", { open: OFLAG.DIRECTORY, rights: RIGHT.FD_READ }), "number");
    assert.equal(guest.tryOpen(dir, ".", { open: OFLAG.DIRECTORY, rights: READ_WRITE }), "ISDIR");
    const seekable = guest.open(dir, ".", { open: OFLAG.DIRECTORY, rights: RIGHT.FD_SEEK });
    assert.equal(guest.seek(seekable, 0, 1), "BADF");
    assert.equal(guest.fdstat(seekable).rights & RIGHT.FD_SEEK, 0);
  });

  it("gives reading and writing as requested", () => {
    const { guest, dir } = scratch();
    guest.create(dir, "file");
    const readOnly = guest.open(dir, "file", { rights: RIGHT.FD_READ });
    assert.equal(guest.fdstat(readOnly).rights & READ_WRITE, RIGHT.FD_READ);
    assert.equal(guest.read(readOnly, 10), "");
    assert.equal(guest.write(readOnly, "x"), "BADF");
    const writeOnly = guest.open(dir, "file", { rights: RIGHT.FD_WRITE });
    assert.equal(guest.fdstat(writeOnly).rights & (READ_WRITE | RIGHT.FD_READDIR), RIGHT.FD_WRITE);
    assert.equal(guest.read(writeOnly, 10), "BADF");
    assert.equal(guest.write(writeOnly, "written"), 7);
    const both = guest.open(dir, "file", { rights: READ_WRITE });
    assert.equal(guest.read(both, 100), "written");
    assert.equal(guest.write(both, "more"), 4);
    assert.equal(guest.stat(both).size, 11n);
  });

  it("truncates with the directory's right to set sizes only", () => {
    const { guest, dir } = scratch();
    const fd = guest.openReadWrite(dir, "file");
    guest.write(fd, "content");
    const { rights, inheriting } = guest.fdstat(dir);
    assert.equal(rights & RIGHT.FD_FILESTAT_SET_SIZE, 0);
    assert.notEqual(rights & RIGHT.PATH_FILESTAT_SET_SIZE, 0);
    guest.open(dir, "file", { open: OFLAG.TRUNC });
    assert.equal(guest.stat(fd).size, 0n);
    const handedOn = inheriting & ~RIGHT.FD_FILESTAT_SET_SIZE;
    assert.equal(guest.setRights(dir, rights, handedOn), "SUCCESS");
    guest.open(dir, "file", { open: OFLAG.TRUNC });
    assert.equal(guest.setRights(dir, rights & ~RIGHT.PATH_FILESTAT_SET_SIZE, handedOn), "SUCCESS");
    assert.equal(guest.fdstat(dir).rights & RIGHT.PATH_FILESTAT_SET_SIZE, 0);
    assert.equal(guest.tryOpen(dir, "file", { open: OFLAG.TRUNC }), "PERM");
    assert.equal(guest.setRights(dir, rights, handedOn), "NOTCAPABLE");
  });

  it("does not hand on a right that was given up", () => {
    const { guest, dir } = scratch();
    guest.create(dir, "file");
    const { rights, inheriting } = guest.fdstat(dir);
    guest.setRights(dir, rights, inheriting & ~RIGHT.FD_READ);
    const fd = guest.open(dir, "file");
    assert.equal(guest.fdstat(fd).rights & RIGHT.FD_READ, 0);
    assert.equal(guest.read(fd, 1), "BADF");
    assert.equal(guest.tryOpen(dir, "file", { rights: RIGHT.FD_READ }), "NOTCAPABLE");
  });

  it("refuses to change the image and added files", () => {
    const entries = [{ type: "file", path: "app", mtimeSeconds: 7, bytes: new Uint8Array([1, 2]) }] as const;
    const guest = new TestGuest({ entries, files: [{ path: "/run/secret", bytes: new Uint8Array([9]) }] });
    assert.equal(guest.tryOpen(3, "app", { rights: READ_WRITE }), "ROFS");
    assert.equal(guest.tryOpen(3, "app", { open: OFLAG.TRUNC }), "ROFS");
    assert.equal(guest.tryOpen(3, "new", { open: OFLAG.CREAT }), "ROFS");
    assert.equal(guest.tryOpen(3, "run/secret", { rights: READ_WRITE }), "ROFS");
    assert.equal(guest.call("path_unlink_file", 3, "app"), "ROFS");
    assert.equal(guest.call("path_unlink_file", 3, "run/secret"), "BUSY");
    assert.equal(guest.call("path_create_directory", 3, "d"), "ROFS");
    assert.equal(guest.call("path_create_directory", 3, "tmp"), "EXIST");
    assert.equal(guest.call("path_remove_directory", 3, "tmp"), "BUSY");
    assert.equal(guest.call("path_filestat_set_times", 3, 0, "app", 0n, 0n, 4), "ROFS");
    assert.equal(statOf(guest, 3, "app").mtime, 7_000_000_000n);
    assert.equal(guest.read(guest.open(3, "run/secret", { rights: RIGHT.FD_READ }), 4), "\t");
    guest.create(3, "tmp/new");
    assert.equal(guest.call("path_rename", 3, "tmp/new", 3, "new"), "XDEV");
    assert.equal(guest.call("path_link", 3, 0, "tmp/new", 3, "new"), "ROFS");
    assert.equal(guest.call("path_link", 3, 0, "app", 3, "tmp/linked"), "XDEV");
  });
});

describe("names", () => {
  it("makes symbolic links, never with an absolute target", () => {
    const { guest, dir } = scratch();
    assert.equal(guest.call("path_symlink", "/", dir, "symlink"), "PERM");
    assert.equal(guest.call("path_symlink", "source", dir, "target/"), "NOENT");
    guest.do("path_symlink", "source", dir, "target");
    guest.do("path_unlink_file", dir, "target");
    guest.do("path_create_directory", dir, "target");
    assert.equal(guest.call("path_symlink", "source", dir, "target/"), "EXIST");
    assert.equal(guest.call("path_symlink", "source", dir, "target"), "EXIST");
    guest.do("path_remove_directory", dir, "target");
    guest.create(dir, "target");
    assert.equal(guest.call("path_symlink", "source", dir, "target/"), "NOTDIR");
    assert.equal(guest.call("path_symlink", "source", dir, "target"), "EXIST");
  });

  it("reads links, cut to the buffer", () => {
    const { guest, dir } = scratch();
    guest.create(dir, "target");
    guest.do("path_symlink", "target", dir, "symlink");
    const buffer = 4096;
    guest.do("path_readlink", dir, "symlink", buffer, 10, 64);
    assert.equal(guest.view().getUint32(64, true), 6);
    assert.equal(new TextDecoder().decode(guest.bytes(buffer, 8)), "target\0\0");
    guest.do("path_readlink", dir, "symlink", buffer + 100, 4, 64);
    assert.equal(guest.view().getUint32(64, true), 4);
    assert.equal(new TextDecoder().decode(guest.bytes(buffer + 100, 6)), "targ\0\0");
    assert.equal(guest.call("path_readlink", dir, "target", buffer, 10, 64), "INVAL");
  });

  it("makes hard links: one inode, counted names, no directories", () => {
    const { guest, dir } = scratch();
    guest.create(dir, "file");
    guest.do("path_link", dir, 0, "file", dir, "link");
    assert.deepEqual(statOf(guest, dir, "file"), statOf(guest, dir, "link"));
    assert.equal(statOf(guest, dir, "file").nlink, 2n);
    guest.do("path_unlink_file", dir, "link");
    guest.do("path_create_directory", dir, "sub");
    guest.do("path_link", dir, 0, "file", guest.open(dir, "sub"), "link");
    guest.do("path_unlink_file", dir, "sub/link");
    assert.equal(guest.call("path_link", dir, 0, "file", dir, "file"), "EXIST");
    assert.equal(guest.call("path_link", dir, 0, "file", dir, "sub"), "EXIST");
    assert.equal(guest.call("path_link", dir, 0, "sub", dir, "link"), "PERM");
    assert.equal(guest.call("path_link", dir, 0, "file", dir, "link/"), "NOENT");
    guest.do("path_symlink", "missing", dir, "dangling");
    guest.do("path_link", dir, 0, "dangling", dir, "link");
    assert.equal(statOf(guest, dir, "link").type, FILETYPE.SYMBOLIC_LINK);
    assert.equal(guest.call("path_link", dir, 0, "file", dir, "dangling"), "EXIST");
    assert.equal(guest.call("path_link", dir, 1, "dangling", dir, "other"), "NOENT");
  });

  it("renames with and without trailing slashes", () => {
    const { guest, dir } = scratch();
    const rename = (from: string, to: string): string => guest.call("path_rename", dir, from, dir, to);
    guest.do("path_create_directory", dir, "source");
    assert.equal(rename("source/", "target"), "SUCCESS");
    assert.equal(rename("target", "source/"), "SUCCESS");
    assert.equal(rename("source/", "target/"), "SUCCESS");
    assert.equal(rename("target", "source"), "SUCCESS");
    guest.create(dir, "file");
    assert.equal(rename("file/", "other"), "NOTDIR");
    assert.equal(rename("file", "other/"), "NOTDIR");
    assert.equal(rename("missing", "other"), "NOENT");
    assert.equal(rename("source", "source/inside"), "INVAL");
    assert.equal(rename(".", "other"), "BUSY");
  });

  it("replaces by renaming what is of the same sort and empty", () => {
    const { guest, dir } = scratch();
    const rename = (from: string, to: string): string => guest.call("path_rename", dir, from, dir, to);
    guest.do("path_create_directory", dir, "source");
    guest.do("path_create_directory", dir, "target");
    assert.equal(rename("source", "target"), "SUCCESS");
    assert.equal(guest.tryOpen(dir, "source", { open: OFLAG.DIRECTORY }), "NOENT");
    guest.do("path_create_directory", dir, "source");
    guest.create(dir, "target/file");
    assert.equal(rename("source", "target"), "NOTEMPTY");
    assert.equal(rename("source", "target/file"), "NOTDIR");
    assert.equal(rename("target/file", "source"), "ISDIR");
    guest.create(dir, "file");
    assert.equal(rename("file", "target/file"), "SUCCESS");
    assert.equal(guest.tryOpen(dir, "file"), "NOENT");
  });

  it("removes files and directories, each by its own call", () => {
    const { guest, dir } = scratch();
    guest.do("path_create_directory", dir, "dir");
    assert.equal(guest.call("path_unlink_file", dir, "dir"), "ISDIR");
    assert.equal(guest.call("path_unlink_file", dir, "dir/"), "ISDIR");
    guest.create(dir, "dir/file");
    assert.equal(guest.call("path_remove_directory", dir, "dir"), "NOTEMPTY");
    assert.equal(guest.call("path_remove_directory", dir, "dir/file"), "NOTDIR");
    assert.equal(guest.call("path_remove_directory", dir, "dir/file/"), "NOTDIR");
    assert.equal(guest.call("path_unlink_file", dir, "dir/file/"), "NOTDIR");
    guest.do("path_unlink_file", dir, "dir/file");
    assert.equal(guest.call("path_remove_directory", dir, "dir/."), "INVAL");
    guest.do("path_remove_directory", dir, "dir/");
    assert.equal(guest.call("path_remove_directory", dir, "dir"), "NOENT");
  });

  it("keeps what is removed while it is open", () => {
    const { guest, dir } = scratch();
    const file = guest.openReadWrite(dir, "file");
    guest.do("path_unlink_file", dir, "file");
    assert.equal(guest.write(file, "still"), 5);
    assert.equal(guest.stat(file).nlink, 0n);
    guest.create(dir, "file");
    guest.do("path_create_directory", dir, "sub");
    const sub = guest.open(dir, "sub");
    guest.do("path_remove_directory", dir, "sub");
    guest.do("path_create_directory", dir, "sub");
    assert.equal(guest.tryOpen(sub, "file", { open: OFLAG.CREAT }), "NOENT");
  });
});

describe("path_filestat", () => {
  it("shows what a path names, following when told to", () => {
    const { guest, dir } = scratch();
    guest.do("path_create_directory", dir, "sub");
    guest.create(dir, "sub/file");
    guest.do("path_symlink", "sub/file", dir, "link1");
    guest.do("path_symlink", "sub", dir, "link2");
    assert.equal(statOf(guest, dir, "sub", { follow: true }).type, FILETYPE.DIRECTORY);
    assert.equal(statOf(guest, dir, "link1").type, FILETYPE.SYMBOLIC_LINK);
    assert.equal(statOf(guest, dir, "link1", { follow: true }).type, FILETYPE.REGULAR_FILE);
    assert.equal(statOf(guest, dir, "link2", { follow: true }).type, FILETYPE.DIRECTORY);
    assert.equal(statOf(guest, dir, "link2/").type, FILETYPE.DIRECTORY);
    assert.equal(guest.statPath(dir, "missing"), "NOENT");
  });

  it("reports the flags a file was opened with and no path rights for it", () => {
    const { guest, dir } = scratch();
    const fd = guest.open(dir, "file", {
      open: OFLAG.CREAT,
      rights: READ_WRITE | RIGHT.PATH_FILESTAT_GET,
      flags: FDFLAG.APPEND | FDFLAG.SYNC,
    });
    const { rights, inheriting, flags } = guest.fdstat(fd);
    assert.equal(rights & RIGHT.PATH_FILESTAT_GET, 0);
    assert.equal(inheriting, 0);
    assert.equal(flags, FDFLAG.APPEND | FDFLAG.SYNC);
  });

  it("sets times of a file or of the link itself, and refuses contradictions", () => {
    const { guest, dir } = scratch();
    guest.create(dir, "file");
    guest.do("path_symlink", "file", dir, "link");
    const before = statOf(guest, dir, "file");
    const link = statOf(guest, dir, "link");
    guest.do("path_filestat_set_times", dir, 0, "link", 0n, link.mtime - 100n, 4);
    assert.equal(statOf(guest, dir, "link").mtime, link.mtime - 100n);
    assert.equal(statOf(guest, dir, "file").mtime, before.mtime);
    assert.equal(statOf(guest, dir, "link", { follow: true }).mtime, before.mtime);
    guest.do("path_filestat_set_times", dir, 1, "link", 0n, 77n, 4);
    assert.equal(statOf(guest, dir, "file").mtime, 77n);
    assert.equal(statOf(guest, dir, "file").atime, before.atime);
    assert.equal(guest.call("path_filestat_set_times", dir, 0, "file", 0n, 5n, 4 | 8), "INVAL");
    assert.equal(guest.call("path_filestat_set_times", dir, 0, "file", 0n, 5n, 1 | 2), "INVAL");
    assert.equal(statOf(guest, dir, "file").mtime, 77n);
  });
});
