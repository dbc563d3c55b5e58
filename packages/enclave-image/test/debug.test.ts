import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ATTRIBUTE_FLAG, decodeSigstruct, generateSigningKey, verifySigstruct } from "@inclavare/sgx";
import {
  buildAppImage,
  createMeasurer,
  decodeAppImage,
  type OrdinaryImage,
  parseManifest,
  planDebugEnclave,
  resolveProcess,
  writeDebugEnclave,
} from "../src/index.ts";
import { EMPTY_COMMAND } from "./fixtures.ts";
import { scratchDirectory, writePayload } from "./payload.ts";

const SIGNING_KEY = generateSigningKey();
const NOW = new Date("2025-01-02T03:04:05Z");

function prepare(t: TestContext, content: Uint8Array | string = EMPTY_COMMAND): OrdinaryImage {
  const rootfs = scratchDirectory(t);
  mkdirSync(join(rootfs, "app"));
  writeFileSync(join(rootfs, "app", "main.wasm"), content);
  symlinkSync("app/main.wasm", join(rootfs, "run"));
  const env = ["A=b", "SECRET=s3cret", "ENCLAVE_TYPE=simulated"];
  return { rootfs, process: { args: ["run", "x"], env, cwd: "/", user: { uid: 1 } } };
}

describe("a debug enclave", () => {
  it("is signed, complete, and runs exactly what was asked for", async (t) => {
    const image = prepare(t);
    const directory = scratchDirectory(t);
    const planned = await planDebugEnclave(image);
    const read = (name: string): Buffer => readFileSync(join(directory, name));
    const measurer = createMeasurer(writePayload(scratchDirectory(t)));
    let mrEnclave = new Uint8Array();
    const measure = (): Uint8Array => {
      assert.deepEqual(readdirSync(directory), ["app.img", "enclave.json"]);
      mrEnclave = measurer.measure({ manifest: read("enclave.json"), appImage: read("app.img") }).mrEnclave;
      return mrEnclave;
    };
    await writeDebugEnclave(directory, planned, { measure, signingKey: SIGNING_KEY, now: NOW });
    assert.deepEqual(readdirSync(directory), ["app.img", "enclave.json", "sigstruct.bin"]);
    for (const name of readdirSync(directory)) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o644);
    assert.deepEqual(read("enclave.json"), Buffer.from(planned.manifest));
    assert.deepEqual(read("app.img"), Buffer.from(await buildAppImage(planned.entries.values())));
    assert.equal(planned.appImageSha256, createHash("sha256").update(read("app.img")).digest("hex"));
    assert.deepEqual([...decodeAppImage(read("app.img")).entries.keys()], ["/", "/app", "/app/main.wasm", "/run"]);

    const manifest = parseManifest(read("enclave.json"), "test");
    assert.equal(manifest.debug, true);
    for (const signal of ["TERM", "WINCH", "PWR", "RTMIN+30"]) assert.ok(manifest.signals.includes(signal), signal);
    const { args, env } = resolveProcess(manifest, { ...image.process, env: image.process.env ?? [] });
    assert.deepEqual(
      [args, env],
      [
        ["/run", "x"],
        ["A=b", "SECRET=s3cret"],
      ],
    );

    const sigstruct = read("sigstruct.bin");
    const decoded = decodeSigstruct(sigstruct);
    assert.deepEqual(decoded.mrEnclave, mrEnclave);
    assert.equal(verifySigstruct(decoded, sigstruct), true);
    assert.notEqual(decoded.attributes.flags & ATTRIBUTE_FLAG.debug, 0n);
    assert.equal(decoded.date, 0x20250102);
  });

  it("is the same for the replicas of a pod, and holds no value of a variable", async (t) => {
    const image = prepare(t);
    const process = { ...image.process, args: ["run", "y"], env: ["SECRET=other", "A=c"] };
    const [one, two] = [await planDebugEnclave(image), await planDebugEnclave({ ...image, process })];
    assert.deepEqual(one.manifest, two.manifest);
    assert.equal(one.appImageSha256, two.appImageSha256);
    assert.doesNotMatch(Buffer.from(one.manifest).toString(), /s3cret/u);
  });

  it("is not made of files that change meanwhile", async (t) => {
    const image = prepare(t);
    const planned = await planDebugEnclave(image);
    const file = join(image.rootfs, "app", "main.wasm");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    writeFileSync(file, bytes);
    const options = { measure: () => assert.fail("was measured"), signingKey: SIGNING_KEY, now: NOW };
    await assert.rejects(writeDebugEnclave(scratchDirectory(t), planned, options), { code: "ERR_IMAGE_CHANGED" });
  });

  it("is refused for what is no WASI command, a program that is not there, and a root that is not there", async (t) => {
    await assert.rejects(planDebugEnclave(prepare(t, "\u007fELF")), { code: "ERR_IMAGE_NOT_WASM" });
    const image = prepare(t);
    const other = { ...image.process, args: ["/other"] };
    await assert.rejects(planDebugEnclave({ ...image, process: other }), { code: "ERR_IMAGE_ENTRYPOINT" });
    await assert.rejects(planDebugEnclave({ ...image, rootfs: join(image.rootfs, "none") }), { code: "ERR_FILE" });
  });
});
