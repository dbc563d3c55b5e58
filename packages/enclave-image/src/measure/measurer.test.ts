import assert from "node:assert/strict";
import { readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Measurement, PAGE_FLAGS } from "@inclavare/sgx";
import { directory, file, MANIFEST } from "../../test/fixtures.ts";
import { PAYLOAD_FILES, scratchDirectory, writePayload } from "../../test/payload.ts";
import { buildAppImage, createMeasurer, encodeManifest, type EnclaveManifest, readPayloadIndex } from "../index.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const MEBIBYTE = 1 << 20;

async function enclave(change: Partial<EnclaveManifest> = {}): Promise<{ manifest: Uint8Array; appImage: Uint8Array }> {
  const appImage = await buildAppImage([directory("/"), file("/main.wasm", "module")]);
  return { manifest: encodeManifest({ ...MANIFEST, memoryBytes: MEBIBYTE, ...change }), appImage };
}

describe("createMeasurer", () => {
  it("gives the measurement of docs/enclave-manifest.md, the same on every machine and run", async (t) => {
    const measured = createMeasurer(writePayload(scratchDirectory(t))).measure(await enclave());
    assert.equal(measured.sizeBytes, 2 * MEBIBYTE);
    assert.equal(hex(measured.mrEnclave), "75dfb46ce98a80038b1372194a3cf5d0e69542611b339815c99e0ad24d6dfc7f");
  });

  it("measures page by page: index, files by path, manifest, threads, application", async (t) => {
    const payload = writePayload(scratchDirectory(t));
    const { manifest, appImage } = await enclave();
    const expected = Measurement.create({ sizeBytes: 2 * MEBIBYTE, ssaFrameSize: 1 });
    const index = readFileSync(join(payload, "payload.json"));
    let at = expected.addRegion(0, PAGE_FLAGS.r, index);
    let entry = 0;
    for (const path of Object.keys(PAYLOAD_FILES).toSorted()) {
      if (path === "bin/node") entry = at;
      at = expected.addRegion(at, PAGE_FLAGS.rx, PAYLOAD_FILES[path] ?? Buffer.alloc(0));
    }
    at = expected.addRegion(at, PAGE_FLAGS.r, manifest);
    const end = at + 2 * 4096 + appImage.byteLength;
    for (const thread of [0, 1]) {
      const tcs = Buffer.alloc(4096);
      tcs.writeBigUInt64LE(BigInt(end + thread * 2 * 4096), 16);
      tcs.writeUInt32LE(2, 28);
      tcs.writeBigUInt64LE(BigInt(entry), 32);
      tcs.fill(0xff, 64, 72);
      expected.addPage(at, PAGE_FLAGS.tcs, tcs);
      at += 4096;
    }
    expected.addRegion(at, PAGE_FLAGS.r, appImage);
    const { measurement, mrEnclave } = createMeasurer(payload).measure({ manifest, appImage });
    assert.equal(hex(mrEnclave), hex(expected.digest()));
    assert.equal(hex(measurement.digest()), hex(mrEnclave));
  });

  it("gives the same with a kept state as without, for more sizes than are kept", async (t) => {
    const payload = writePayload(scratchDirectory(t));
    const measurer = createMeasurer(payload);
    const sizes = Array.from({ length: 10 }, (_, index) => 2 ** (20 + index));
    const measure = async (bytes: number, by = measurer) =>
      hex(by.measure(await enclave({ memoryBytes: bytes })).mrEnclave);
    const first = await Promise.all(sizes.map((bytes) => measure(bytes)));
    assert.equal(new Set(first).size, sizes.length);
    for (const [index, bytes] of sizes.entries()) {
      assert.equal(await measure(bytes), first[index]);
      assert.equal(await measure(bytes, createMeasurer(payload)), first[index]);
    }
  });

  it("changes with every part: payload, manifest, application", async (t) => {
    const measurer = createMeasurer(writePayload(scratchDirectory(t)));
    const other = createMeasurer(
      writePayload(scratchDirectory(t), { ...PAYLOAD_FILES, "app/runelet.mjs": Buffer.from("export {}; \n") }),
    );
    const base = await enclave();
    const appImage = await buildAppImage([directory("/"), file("/main.wasm", "modulE")]);
    const results = [
      measurer.measure(base),
      other.measure(base),
      measurer.measure(await enclave({ owner: "other" })),
      measurer.measure(await enclave({ threads: 3 })),
      measurer.measure({ ...base, appImage }),
    ];
    assert.equal(new Set(results.map(({ mrEnclave }) => hex(mrEnclave))).size, results.length);
  });

  it("notices that the payload was replaced while it runs", async (t) => {
    const payload = writePayload(scratchDirectory(t));
    const measurer = createMeasurer(payload);
    const before = hex(measurer.measure(await enclave()).mrEnclave);
    const next = writePayload(scratchDirectory(t), { ...PAYLOAD_FILES, "bin/node": Buffer.from("new") });
    for (const path of ["bin/node", "payload.json"]) renameSync(join(next, path), join(payload, path));
    assert.notEqual(hex(measurer.measure(await enclave()).mrEnclave), before);
  });

  it("refuses an altered payload with ERR_PAYLOAD_ALTERED, even with size and time kept", async (t) => {
    const alterations: Record<string, (payload: string) => void> = {
      "a file with other bytes": (payload) => {
        const path = join(payload, "bin/node");
        const { atime, mtime } = statSync(path);
        writeFileSync(path, Buffer.alloc(2 * 4096 + 1, 0x91));
        utimesSync(path, atime, mtime);
      },
      "a shorter file": (payload) => writeFileSync(join(payload, "bin/node"), "x"),
      "a file that is missing": (payload) => rmSync(join(payload, "lib/libc.so.6")),
      "a file too many": (payload) => writeFileSync(join(payload, "lib/more.so"), ""),
      "a link": (payload) => symlinkSync("libc.so.6", join(payload, "lib/libm.so.6")),
      "an index that is no JSON": (payload) => writeFileSync(join(payload, "payload.json"), "{"),
      "an index with a path that climbs": (payload) => {
        const path = join(payload, "payload.json");
        writeFileSync(path, readFileSync(path, "utf8").replace("lib/empty.so", "../empty.so"));
      },
    };
    const files = await enclave();
    for (const [what, alter] of Object.entries(alterations)) {
      const payload = writePayload(scratchDirectory(t));
      const measurer = createMeasurer(payload);
      measurer.measure(files);
      alter(payload);
      assert.throws(() => measurer.measure(files), { code: "ERR_PAYLOAD_ALTERED" }, what);
    }
  });

  it("refuses a folder without a payload, and a manifest that is none", async (t) => {
    const empty = scratchDirectory(t);
    const measurer = createMeasurer(writePayload(scratchDirectory(t)));
    const files = await enclave();
    assert.throws(() => createMeasurer(empty).measure(files), { code: "ERR_PAYLOAD_MISSING" });
    assert.throws(() => createMeasurer(join(empty, "none")).measure(files), { code: "ERR_PAYLOAD_MISSING" });
    assert.throws(() => readPayloadIndex(empty), { code: "ERR_PAYLOAD_MISSING" });
    assert.throws(() => measurer.measure({ ...files, manifest: Buffer.from("{}") }), { code: "ERR_MANIFEST" });
  });
});
