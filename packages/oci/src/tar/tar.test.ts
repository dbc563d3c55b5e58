import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { extract } from "tar-stream";
import { collect, pieces, tarOf } from "../../test/samples.ts";
import type { TarInput } from "../tree/types.ts";
import { packTar } from "./pack.ts";
import { TarReader, type TarMember } from "./read.ts";
import { StreamSource } from "./source.ts";

const owner = { mode: 0o644, uid: 0, gid: 0, mtimeSeconds: 0 };

async function read(archive: Uint8Array): Promise<(TarMember & { readonly text: string })[]> {
  const reader = new TarReader(new StreamSource(pieces(archive, 1000)), "archive");
  const members: (TarMember & { readonly text: string })[] = [];
  for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
    members.push({
      ...member,
      text: (await collect(reader.content())).toString(),
    });
  }
  return members;
}

function packed(entries: readonly TarInput[]): Promise<Buffer> {
  return collect(packTar(entries));
}

/** Changes a header and puts its checksum right. */
function patched(archive: Buffer, offset: number, bytes: string): Buffer {
  const copy = Buffer.from(archive);
  copy.write(bytes, offset, "latin1");
  const block = Math.floor(offset / 512) * 512;
  copy.fill(" ", block + 148, block + 156);
  const sum = copy.subarray(block, block + 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, block + 148, "latin1");
  return copy;
}

describe("TarReader", () => {
  it("reads what tar-stream writes, long and foreign names included", async () => {
    const long = `${"d".repeat(120)}/${"f".repeat(130)}`;
    const archive = await tarOf([
      { name: "a/", type: "directory", mode: 0o700, uid: 5, gid: 6, mtime: new Date(7000) },
      { name: long, content: "long" },
      { name: "ä/ö", content: "x".repeat(1000) },
      { name: "l", type: "symlink", linkname: "t".repeat(200) },
      { name: "h", type: "link", linkname: "a/b" },
      { name: "c", type: "character-device", devmajor: 1, devminor: 3 },
      { name: "p", type: "fifo" },
    ]);
    const members = await read(archive);
    assert.deepEqual(
      members.map(({ name, type, linkName, text }) => [name, type, linkName, text.length]),
      [
        ["a/", "directory", "", 0],
        [long, "file", "", 4],
        ["ä/ö", "file", "", 1000],
        ["l", "symlink", "t".repeat(200), 0],
        ["h", "hardlink", "a/b", 0],
        ["c", "character-device", "", 0],
        ["p", "fifo", "", 0],
      ],
    );
    assert.deepEqual(members[5]?.device, { major: 1, minor: 3 });
    const { mode, uid, gid, mtimeSeconds } = members[0] ?? {};
    assert.deepEqual([mode, uid, gid, mtimeSeconds], [0o700, 5, 6, 7]);
  });

  it("applies pax records", async () => {
    const pax = { uid: "3000000000", mtime: "-1.5", "SCHILY.xattr.user.a=b": "c\nd", comment: "x" };
    const [member] = await read(await tarOf([{ name: "a", content: "", pax }]));
    assert.equal(member?.uid, 3000000000);
    assert.equal(member.mtimeSeconds, -2);
    assert.deepEqual(
      [...member.xattrs].map(([key, value]) => [key, Buffer.from(value).toString()]),
      [["user.a", "b=c\nd"]],
    );
  });

  it("stops at the archive's end, whatever comes behind", async () => {
    const archive = Buffer.concat([
      await tarOf([{ name: "a", content: "1" }]),
      await tarOf([{ name: "b", content: "2" }]),
    ]);
    assert.deepEqual(
      (await read(archive)).map(({ name }) => name),
      ["a"],
    );
  });

  it("takes an archive without its end mark", async () => {
    const archive = await tarOf([{ name: "a", content: "1" }]);
    assert.equal((await read(archive.subarray(0, -1024))).length, 1);
    assert.deepEqual(await read(new Uint8Array(0)), []);
  });

  it("gives entries other than files no contents, whatever size they state", async () => {
    const archive = await tarOf([
      { name: "d", type: "directory" },
      { name: "a", content: "1" },
    ]);
    const lying = patched(archive, 124, "00000001000");
    assert.deepEqual(
      (await read(lying)).map(({ name, sizeBytes }) => [name, sizeBytes]),
      [
        ["d", 0],
        ["a", 1],
      ],
    );
  });

  it("refuses damage with ERR_OCI_LAYER", async () => {
    const archive = await tarOf([{ name: "a", content: "x".repeat(600) }]);
    const wrongSum = Buffer.from(archive);
    wrongSum[0] = 0x62;
    const pax = await tarOf([{ name: "a", content: "1", pax: { comment: "x" } }]);
    const cases: Record<string, Uint8Array> = {
      checksum: wrongSum,
      "end in a header": archive.subarray(0, 100),
      "end in a file": archive.subarray(0, 700),
      "end in padding": archive.subarray(0, 512 + 610),
      "size that is no number": patched(archive, 124, "9999"),
      "negative size": patched(archive, 124, "\xff".repeat(12)),
      "negative owner": patched(archive, 108, "\xff".repeat(8)),
      "pax length": patched(Buffer.from(pax.toString("latin1").replace("13 comment", "99 comment"), "latin1"), 0, "P"),
      "nothing after a pax header": pax.subarray(0, 1024),
      "two pax headers": Buffer.concat([pax.subarray(0, 1024), pax]),
      "one block of zeros": Buffer.concat([new Uint8Array(512), archive]),
      noise: Buffer.alloc(512, "noise"),
    };
    for (const [name, bytes] of Object.entries(cases))
      await assert.rejects(read(bytes), { code: "ERR_OCI_LAYER" }, name);
  });

  it("refuses what it does not know with ERR_OCI_LAYER_UNSUPPORTED", async () => {
    const archive = await tarOf([{ name: "a", content: "1" }]);
    for (const flag of "SMVDZ9") {
      await assert.rejects(read(patched(archive, 156, flag)), { code: "ERR_OCI_LAYER_UNSUPPORTED" }, flag);
    }
    await assert.rejects(read(patched(archive, 0, "\xff")), { code: "ERR_OCI_LAYER_UNSUPPORTED" });
    const sparse = await tarOf([{ name: "a", content: "1", pax: { "GNU.sparse.major": "1" } }]);
    await assert.rejects(read(sparse), { code: "ERR_OCI_LAYER_UNSUPPORTED" });
    const global = patched(await tarOf([{ name: "a", content: "1", pax: { path: "b" } }]), 156, "g");
    await assert.rejects(read(global), { code: "ERR_OCI_LAYER_UNSUPPORTED" });
  });

  it("passes over a harmless global header, as git writes it", async () => {
    const header = await tarOf([{ name: "pax_global_header", content: "13 comment=x\n" }]);
    const archive = await tarOf([{ name: "a", content: "1" }]);
    const members = await read(Buffer.concat([patched(header, 156, "g").subarray(0, 1024), archive]));
    assert.deepEqual(
      members.map(({ name, text }) => [name, text]),
      [["a", "1"]],
    );
  });

  it("refuses an extended header beyond 1 MiB with ERR_OCI_LIMIT", async () => {
    const archive = await tarOf([{ name: "a", content: "1", pax: { comment: "x".repeat(1024 * 1024) } }]);
    await assert.rejects(read(archive), { code: "ERR_OCI_LIMIT" });
  });

  for (const format of ["v7", "ustar", "gnu", "oldgnu", "posix"]) {
    it(`reads GNU tar's ${format} form`, async (t) => {
      const scratch = mkdtempSync(join(tmpdir(), "inclavare-tar-"));
      t.after(() => rmSync(scratch, { recursive: true }));
      // The older forms hold links of at most 100 bytes.
      const name = ["v7", "ustar"].includes(format) ? "n".repeat(80) : `${"n".repeat(90)}/${"m".repeat(60)}`;
      mkdirSync(join(scratch, name), { recursive: true });
      writeFileSync(join(scratch, name, "file"), "hello");
      linkSync(join(scratch, name, "file"), join(scratch, "other"));
      symlinkSync("target", join(scratch, "symlink"));
      try {
        execFileSync("tar", [
          "-C",
          scratch,
          `--format=${format}`,
          "--sort=name",
          "-cf",
          join(scratch, "a.tar"),
          name,
          "other",
          "symlink",
        ]);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
        return t.skip("requires GNU tar: it is not installed");
      }
      const members = await read(readFileSync(join(scratch, "a.tar")));
      assert.deepEqual(
        members.map((member) => [member.name, member.type, member.linkName, member.text]),
        [
          [`${name}/`, "directory", "", ""],
          [`${name}/file`, "file", "", "hello"],
          ["other", "hardlink", `${name}/file`, ""],
          ["symlink", "symlink", "target", ""],
        ],
      );
    });
  }

  for (const format of ["gnu", "posix"]) {
    it(`refuses GNU tar's sparse files (${format}) with ERR_OCI_LAYER_UNSUPPORTED`, async (t) => {
      const scratch = mkdtempSync(join(tmpdir(), "inclavare-tar-"));
      t.after(() => rmSync(scratch, { recursive: true }));
      writeFileSync(join(scratch, "sparse"), "x");
      truncateSync(join(scratch, "sparse"), 1024 * 1024);
      try {
        execFileSync("tar", ["-C", scratch, `--format=${format}`, "-Scf", join(scratch, "a.tar"), "sparse"]);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
        return t.skip("requires GNU tar: it is not installed");
      }
      await assert.rejects(read(readFileSync(join(scratch, "a.tar"))), { code: "ERR_OCI_LAYER_UNSUPPORTED" });
    });
  }
});

describe("packTar", () => {
  const long = `/${"d".repeat(200)}/${"f".repeat(200)}`;
  const entries: readonly TarInput[] = [
    { path: "/z", type: "hardlink", ...owner, linkTarget: "/a/file" },
    {
      path: "/a/file",
      type: "file",
      mode: 0o4755,
      uid: 3000000000,
      gid: 1,
      mtimeSeconds: -5,
      content: Buffer.from("hello"),
    },
    { path: "/a", type: "directory", ...owner, mode: 0o755 },
    { path: "/a-b", type: "symlink", ...owner, linkTarget: "ü".repeat(80) },
    { path: long, type: "file", ...owner, xattrs: new Map([["security.capability", new Uint8Array([0xff, 0, 0x0a])]]) },
    { path: "/dev", type: "block-device", ...owner, device: { major: 8, minor: 300000 } },
  ];

  it("gives the same bytes in whatever order the entries come", async () => {
    assert.deepEqual(await packed(entries), await packed(entries.toReversed()));
  });

  it("is read back as it was given", async () => {
    const members = await read(await packed(entries));
    assert.deepEqual(
      members.map(({ name }) => name),
      ["a/", "a/file", "a-b", long.slice(1), "dev", "z"],
    );
    const { text, uid, mtimeSeconds, mode } = members[1] ?? {};
    assert.deepEqual([text, uid, mtimeSeconds, mode], ["hello", 3000000000, -5, 0o4755]);
    assert.deepEqual(members[3]?.xattrs.get("security.capability"), new Uint8Array([0xff, 0, 0x0a]));
    assert.deepEqual(members[4]?.device, { major: 8, minor: 300000 });
    assert.equal(members[5]?.linkName, "a/file");
  });

  it("is read by tar-stream", async () => {
    const archive = extract();
    archive.end(await packed(entries));
    const names: [string, number][] = [];
    for await (const entry of archive) {
      names.push([entry.header.name, entry.header.size]);
      entry.resume();
    }
    assert.deepEqual(names, [
      ["a/", 0],
      ["a/file", 5],
      ["a-b", 0],
      [long.slice(1), 0],
      ["dev", 0],
      ["z", 0],
    ]);
  });

  it("is read by GNU tar", async (t) => {
    try {
      const listed = execFileSync("tar", ["--numeric-owner", "-tvf", "-"], {
        input: await packed(entries),
        stdio: "pipe",
      });
      assert.match(listed.toString(), /^-rwsr-xr-x 3000000000\/1 .* a\/file$/mu);
      assert.match(listed.toString(), /z link to a\/file$/mu);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
      t.skip("requires GNU tar: it is not installed");
    }
  });

  it("refuses a path that is not clean or comes twice with ERR_OCI_LAYER_PATH", async () => {
    for (const path of ["a", "/a/", "/a/../b", "//a", "", "/a\0"]) {
      await assert.rejects(packed([{ path, type: "file", ...owner }]), { code: "ERR_OCI_LAYER_PATH" }, path);
    }
    await assert.rejects(
      packed([
        { path: "/a", type: "file", ...owner },
        { path: "/a", type: "fifo", ...owner },
      ]),
      {
        code: "ERR_OCI_LAYER_PATH",
      },
    );
  });

  it("refuses contents of another size than they said with ERR_OCI_LAYER", async () => {
    const content = { sizeBytes: 4, open: () => pieces(Buffer.from("hello"), 2) };
    await assert.rejects(packed([{ path: "/a", type: "file", ...owner, content }]), { code: "ERR_OCI_LAYER" });
  });
});
