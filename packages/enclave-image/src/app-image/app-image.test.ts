import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { directory, file, symlink } from "../../test/fixtures.ts";
import { type AppEntry, type AppImageInput, buildAppImage, decodeAppImage } from "../index.ts";

const ENTRIES = [
  directory("/"),
  directory("/app"),
  file("/app/main.wasm", "contents"),
  directory("/app-data"),
  file("/app-data/empty", ""),
  file("/app-data/twin", "contents"),
  symlink("/latest", "app/main.wasm"),
];

function contentOf(image: ReturnType<typeof decodeAppImage>, path: string): string {
  return Buffer.from(image.read(image.entries.get(path) as AppEntry)).toString();
}

describe("buildAppImage", () => {
  it("gives the same bytes for the same entries in any order", async () => {
    assert.deepEqual(await buildAppImage(ENTRIES), await buildAppImage(ENTRIES.toReversed()));
  });

  it("lets files with equal contents share their pages, and aligns contents to pages", async () => {
    const bytes = await buildAppImage(ENTRIES);
    assert.equal(bytes.byteLength, 2 * 4096);
    assert.equal(Buffer.from(bytes.buffer, 4096, 8).toString(), "contents");
  });

  const refused: Record<string, AppImageInput[]> = {
    "no root": [file("/a", "")],
    "a file in no directory": [directory("/"), file("/a/b", "")],
    "a file in a file": [directory("/"), file("/a", ""), file("/a/b", "")],
    "a path twice": [directory("/"), file("/a", ""), directory("/a")],
    "a path that climbs": [directory("/"), directory("/.."), file("/../a", "")],
    "a lone surrogate": [directory("/"), file("/\ud800", "")],
    "another size than promised": [directory("/"), { ...file("/a", "abc"), sizeBytes: 4 }],
    "a mode beyond 7777": [directory("/"), { ...file("/a", ""), mode: 0o10000 }],
    "a link without a target": [directory("/"), symlink("/a", "")],
  };
  for (const [what, inputs] of Object.entries(refused)) {
    it(`refuses ${what} with ERR_APP_IMAGE`, async () => {
      await assert.rejects(buildAppImage(inputs), { code: "ERR_APP_IMAGE" });
    });
  }

  it("refuses more than 2 GiB with ERR_IMAGE_LIMIT before it reads or allocates anything", async () => {
    const huge = { ...file("/huge", ""), sizeBytes: 2 ** 31, read: () => Promise.reject(new Error("was read")) };
    await assert.rejects(buildAppImage([directory("/"), huge]), { code: "ERR_IMAGE_LIMIT" });
  });
});

describe("decodeAppImage", () => {
  it("gives back what was put in, in order", async () => {
    const image = decodeAppImage(await buildAppImage(ENTRIES));
    const expected = ENTRIES.map(({ read: _read, ...entry }) => entry);
    assert.deepEqual([...image.entries.values()], expected);
    assert.equal(contentOf(image, "/app/main.wasm"), "contents");
    assert.equal(contentOf(image, "/app-data/twin"), "contents");
    assert.equal(contentOf(image, "/app-data/empty"), "");
    assert.equal(contentOf(image, "/latest"), "");
  });

  it("gives views of shared memory, from any offset in it", async () => {
    const bytes = await buildAppImage(ENTRIES);
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.byteLength + 16), 16);
    shared.set(bytes);
    const image = decodeAppImage(shared);
    const view = image.read(image.entries.get("/app/main.wasm") as AppEntry);
    assert.equal(view.buffer, shared.buffer);
    assert.equal(Buffer.from(view).toString(), "contents");
  });

  it("refuses to read an entry of another image", async () => {
    const image = decodeAppImage(await buildAppImage([directory("/")]));
    assert.throws(() => image.read(file("/other", "")), { code: "ERR_APP_IMAGE" });
  });

  const alterations: Record<string, (bytes: Buffer) => Buffer> = {
    "no bytes": () => Buffer.alloc(0),
    "one page less": (bytes) => bytes.subarray(0, 4096),
    "one page more": (bytes) => Buffer.concat([bytes, Buffer.alloc(4096)]),
    "one byte less": (bytes) => bytes.subarray(0, -1),
    "another mark": (bytes) => set(bytes, 0, 1),
    "another version": (bytes) => set(bytes, 8, 2),
    "no entries": (bytes) => set(bytes, 12, 0),
    "one entry less": (bytes) => set(bytes, 12, 6),
    "an index that does not fit": (bytes) => set(bytes, 18, 0xff),
    "another total size": (bytes) => set(bytes, 25, 0x30),
    "reserved bytes that are set": (bytes) => set(bytes, 63, 1),
    "an unknown type": (bytes) => set(bytes, 64, 9),
    "a root that is a file": (bytes) => set(bytes, 64, 2),
    "padding in the index that is set": (bytes) => set(bytes, 64 + 40 + 7, 1),
    "padding behind the index that is set": (bytes) => set(bytes, 4095, 1),
    "padding behind contents that is set": (bytes) => set(bytes, 2 * 4096 - 1, 1),
    "a path that is no UTF-8": (bytes) => set(bytes, bytes.indexOf("main.wasm"), 0xff),
    "a path out of order": (bytes) => set(bytes, bytes.indexOf("latest"), "a".charCodeAt(0)),
    "a path with a slash at its end": (bytes) => set(bytes, bytes.indexOf("latest") + 5, "/".charCodeAt(0)),
    "a zero in a target": (bytes) => set(bytes, bytes.indexOf("/main.wasm", 400), 0),
    "contents elsewhere": (bytes) => set(bytes, 64 + 48 + 48 + 24 + 1, 0x20),
    "shared pages with another size": (bytes) => set(bytes, bytes.indexOf("/app-data/twin") - 8, 7),
  };
  for (const [what, alter] of Object.entries(alterations)) {
    it(`refuses ${what} with ERR_APP_IMAGE`, async () => {
      const altered = alter(Buffer.from(await buildAppImage(ENTRIES)));
      assert.throws(() => decodeAppImage(altered), { code: "ERR_APP_IMAGE" });
    });
  }
});

function set(bytes: Buffer, offset: number, value: number): Buffer {
  bytes.writeUInt8(value, offset);
  return bytes;
}
