import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ATTRIBUTE_FLAG, decodeSigstruct, generateSigningKey, verifySigstruct } from "@inclavare/sgx";
import {
  createMeasurer,
  decodeAppImage,
  deriveDebugEnclave,
  type DebugEnclaveOptions,
  parseManifest,
  resolveProcess,
} from "../src/index.ts";
import { EMPTY_COMMAND } from "./fixtures.ts";
import { scratchDirectory, writePayload } from "./payload.ts";

const SIGNING_KEY = generateSigningKey();
const NOW = new Date("2025-01-02T03:04:05Z");

function prepare(t: TestContext, content: Uint8Array | string = EMPTY_COMMAND): DebugEnclaveOptions {
  const rootfs = scratchDirectory(t);
  mkdirSync(join(rootfs, "app"));
  writeFileSync(join(rootfs, "app", "main.wasm"), content);
  symlinkSync("app/main.wasm", join(rootfs, "run"));
  const payload = writePayload(scratchDirectory(t));
  const process = { args: ["run", "x"], env: ["A=b", "ENCLAVE_TYPE=simulated"], cwd: "/", user: { uid: 1 } };
  return {
    rootfs,
    process,
    measure: (files) => createMeasurer(payload).measure(files).mrEnclave,
    signingKey: SIGNING_KEY,
    now: NOW,
  };
}

describe("deriveDebugEnclave", () => {
  it("gives a signed debug enclave that runs exactly what was asked for", async (t) => {
    const options = prepare(t);
    const { manifest: bytes, appImage, sigstruct } = await deriveDebugEnclave(options);
    const manifest = parseManifest(bytes, "test");
    assert.equal(manifest.debug, true);
    for (const signal of ["TERM", "WINCH", "PWR", "RTMIN+30"]) assert.ok(manifest.signals.includes(signal), signal);
    const { args, env } = resolveProcess(manifest, { ...options.process, env: options.process.env ?? [] });
    assert.deepEqual([args, env], [["/run", "x"], ["A=b"]]);
    assert.deepEqual([...decodeAppImage(appImage).entries.keys()], ["/", "/app", "/app/main.wasm", "/run"]);
    const decoded = decodeSigstruct(sigstruct);
    assert.deepEqual(decoded.mrEnclave, options.measure({ manifest: bytes, appImage }));
    assert.equal(verifySigstruct(decoded, sigstruct), true);
    assert.notEqual(decoded.attributes.flags & ATTRIBUTE_FLAG.debug, 0n);
    assert.equal(decoded.date, 0x20250102);
  });

  it("writes the three files where it is told to, those that are measured before they are", async (t) => {
    const directory = scratchDirectory(t);
    const measure: DebugEnclaveOptions["measure"] = (files) => {
      assert.deepEqual(readFileSync(join(directory, "app.img")), Buffer.from(files.appImage));
      assert.deepEqual(readFileSync(join(directory, "enclave.json")), Buffer.from(files.manifest));
      return new Uint8Array(32);
    };
    await deriveDebugEnclave({ ...prepare(t), measure, directory });
    rmSync(join(directory, "app.img"));
    rmSync(join(directory, "enclave.json"));
    rmSync(join(directory, "sigstruct.bin"));
    const { appImage } = await deriveDebugEnclave({ ...prepare(t), directory });
    assert.deepEqual(readdirSync(directory), ["app.img", "enclave.json", "sigstruct.bin"]);
    assert.deepEqual(readFileSync(join(directory, "app.img")), Buffer.from(appImage));
  });

  it("refuses what is no WASI command, a program that is not there, and a root that is not there", async (t) => {
    const elf = prepare(t, "\u007fELF");
    await assert.rejects(deriveDebugEnclave(elf), { code: "ERR_IMAGE_NOT_WASM" });
    const options = prepare(t);
    const other = { ...options.process, args: ["/other"] };
    await assert.rejects(deriveDebugEnclave({ ...options, process: other }), { code: "ERR_IMAGE_ENTRYPOINT" });
    const rootfs = join(options.rootfs, "none");
    await assert.rejects(deriveDebugEnclave({ ...options, rootfs }), { code: "ERR_FILE" });
  });
});
