import assert from "node:assert/strict";
import { createPublicKey, sign } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { generateSigningKey, mrSigner } from "@inclavare/sgx";
import { openBundle } from "@inclavare/oci";
import {
  cascadeTeeImage,
  createMeasurer,
  inspectTeeImage,
  type Measurer,
  readTeeImage,
  signTeeImage,
  teeImageSigningMaterial,
  writeBundle,
  writeTeeImage,
} from "../src/index.ts";
import { convert, CREATED, writeOrdinary } from "./images.ts";
import { PAYLOAD_FILES, scratchDirectory, writePayload } from "./payload.ts";

const key = generateSigningKey();
const otherKey = generateSigningKey();

async function writeTee(t: TestContext, reference?: string): Promise<{ layout: string; measurer: Measurer }> {
  const layout = join(scratchDirectory(t), "tee");
  const image = await convert(await writeOrdinary(t), { patches: [{ product: { id: 3, svn: 4 } }] });
  await writeTeeImage(layout, image, reference === undefined ? {} : { reference });
  return { layout, measurer: createMeasurer(writePayload(scratchDirectory(t))) };
}

/** Everything in a layout, by path. */
function snapshot(layout: string): Map<string, string> {
  const names = readdirSync(layout, { recursive: true, encoding: "utf8" }).toSorted();
  return new Map(
    names
      .filter((name) => !["blobs", "blobs/sha256"].includes(name))
      .map((name) => [name, readFileSync(join(layout, name), "base64")]),
  );
}

describe("signTeeImage", () => {
  it("signs reproducibly: same image, key and payload, same bytes", async (t) => {
    const first = await writeTee(t, "app:1");
    const second = await writeTee(t, "app:1");
    for (const { layout, measurer } of [first, second]) await signTeeImage(layout, { measurer, privateKey: key });
    assert.deepEqual(snapshot(first.layout), snapshot(second.layout));
    const signed = await inspectTeeImage(first.layout, { measurer: first.measurer, reference: "app:1" });
    assert.equal(signed.signature, "valid");
    assert.deepEqual(signed.problems, []);
    assert.equal(signed.mrSigner, Buffer.from(mrSigner(key)).toString("hex"));
    assert.deepEqual([signed.isvProdId, signed.isvSvn, signed.debug], [3, 4, false]);
    assert.equal(signed.date, CREATED.toISOString().slice(0, 10));
  });

  it("leaves the enclave's layer as it was, and nothing of an older signature", async (t) => {
    const { layout, measurer } = await writeTee(t);
    const unsigned = await readTeeImage(layout);
    await signTeeImage(layout, { measurer, privateKey: otherKey });
    const before = snapshot(layout);
    await signTeeImage(layout, { measurer, privateKey: key });
    assert.equal(snapshot(layout).size, before.size);
    const signed = await readTeeImage(layout);
    assert.deepEqual([signed.manifestBytes, signed.appImage], [unsigned.manifestBytes, unsigned.appImage]);
    assert.equal(signed.sigstruct?.byteLength, 1808);
    await signTeeImage(layout, { measurer, privateKey: otherKey });
    assert.deepEqual(snapshot(layout), before);
  });

  it("takes a signature made elsewhere with plain RSA tools", async (t) => {
    const { layout, measurer } = await writeTee(t);
    const { material } = await teeImageSigningMaterial(layout, { measurer });
    assert.equal(material.byteLength, 256);
    const signature = sign("sha256", material, key);
    const publicKey = createPublicKey(key);
    await cascadeTeeImage(layout, { measurer, publicKey, signature });
    assert.equal((await inspectTeeImage(layout, { measurer })).signature, "valid");
    const cascaded = snapshot(layout);
    await signTeeImage(layout, { measurer, privateKey: key });
    assert.deepEqual(snapshot(layout), cascaded);
  });

  it("refuses a signature of another key or date, and leaves the image as it was", async (t) => {
    const { layout, measurer } = await writeTee(t);
    const before = snapshot(layout);
    const { material } = await teeImageSigningMaterial(layout, { measurer });
    const signature = sign("sha256", material, key);
    const publicKey = createPublicKey(key);
    const wrong = [
      { measurer, publicKey: createPublicKey(otherKey), signature },
      { measurer, publicKey, signature, date: new Date("2020-01-01") },
      { measurer, publicKey, signature: signature.subarray(1) },
    ];
    for (const options of wrong) {
      await assert.rejects(cascadeTeeImage(layout, options), { code: "ERR_SGX_INVALID_SIGNATURE" });
    }
    assert.deepEqual(snapshot(layout), before);
  });

  it("refuses an ordinary image, a folder that is none, and a layout of several images", async (t) => {
    const { layout, measurer } = await writeTee(t);
    const options = { measurer, privateKey: key };
    await assert.rejects(signTeeImage(await writeOrdinary(t), options), { code: "ERR_IMAGE_NOT_TEE" });
    await assert.rejects(signTeeImage(join(layout, "none"), options), { code: "ERR_FILE_NOT_FOUND" });
    const index = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")) as { manifests: unknown[] };
    index.manifests.push(index.manifests[0]);
    writeFileSync(join(layout, "index.json"), JSON.stringify(index));
    const before = snapshot(layout);
    await assert.rejects(signTeeImage(layout, options));
    assert.deepEqual(snapshot(layout), before);
  });
});

describe("inspectTeeImage", () => {
  it("tells an unsigned image from a signed one, and measures only with a payload", async (t) => {
    const { layout, measurer } = await writeTee(t);
    const unsigned = await inspectTeeImage(layout);
    assert.deepEqual([unsigned.signature, unsigned.mrEnclave, unsigned.mrSigner], ["none", undefined, undefined]);
    assert.equal(unsigned.problems.length, 1);
    assert.equal(unsigned.application.files, 2);
    const measured = await inspectTeeImage(layout, { measurer });
    await signTeeImage(layout, { measurer, privateKey: key });
    assert.equal((await inspectTeeImage(layout)).mrEnclave, measured.mrEnclave);
  });

  it("reports a payload other than the one that was signed for, and a damaged SIGSTRUCT", async (t) => {
    const { layout, measurer } = await writeTee(t);
    await signTeeImage(layout, { measurer, privateKey: key });
    const payload = writePayload(scratchDirectory(t), { ...PAYLOAD_FILES, "bin/node": Buffer.from("other") });
    const other = await inspectTeeImage(layout, { measurer: createMeasurer(payload) });
    assert.deepEqual([other.signature, other.problems.length], ["valid", 1]);
    const contents = await readTeeImage(layout);
    for (const [offset, signature] of [
      [700, "invalid"],
      [0, "invalid"],
      [1024, "invalid"],
    ] as const) {
      const sigstruct = Uint8Array.from(contents.sigstruct ?? []);
      sigstruct[offset] = (sigstruct[offset] ?? 0) ^ 1;
      const damaged = join(scratchDirectory(t), "tee");
      await writeTeeImage(damaged, { ...contents, sigstruct });
      const inspected = await inspectTeeImage(damaged, { measurer });
      assert.equal(inspected.signature, signature);
      assert.notDeepEqual(inspected.problems, []);
    }
  });
});

describe("writeBundle", () => {
  it("unpacks a signed image to a bundle that asks for the simulated TEE", async (t) => {
    const { layout, measurer } = await writeTee(t);
    await signTeeImage(layout, { measurer, privateKey: key });
    const bundle = join(scratchDirectory(t), "bundle");
    await writeBundle(layout, bundle);
    const { spec, rootfs } = openBundle(bundle).check();
    assert.deepEqual(spec.process?.args, ["/app/main.wasm"]);
    assert.deepEqual(spec.annotations, { "enclave.type": "simulated", "enclave.runtime.path": "wasm" });
    assert.deepEqual(readdirSync(rootfs), [".enclave"]);
    assert.deepEqual(readdirSync(join(rootfs, ".enclave")), ["app.img", "enclave.json", "sigstruct.bin"]);
  });

  it("refuses an unsigned image and a directory with something in it, and leaves nothing behind", async (t) => {
    const { layout, measurer } = await writeTee(t);
    const folder = scratchDirectory(t);
    const bundle = join(folder, "bundle");
    await assert.rejects(writeBundle(layout, bundle), { code: "ERR_IMAGE_UNSIGNED" });
    assert.deepEqual(readdirSync(folder), []);
    await signTeeImage(layout, { measurer, privateKey: key });
    mkdirSync(bundle);
    writeFileSync(join(bundle, "something"), "");
    await assert.rejects(writeBundle(layout, bundle), { code: "ERR_OCI_TARGET_EXISTS" });
    await assert.rejects(writeBundle(await writeOrdinary(t), join(folder, "b")), { code: "ERR_IMAGE_NOT_TEE" });
    await assert.rejects(writeBundle(layout, join(folder, "none", "b")), { code: "ERR_FILE" });
    assert.deepEqual(readdirSync(folder), ["bundle"]);
    assert.equal(existsSync(join(bundle, "something")), true);
  });
});
