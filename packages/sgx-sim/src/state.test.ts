import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createPlatform, openPlatform } from "./index.ts";

const root = mkdtempSync(join(tmpdir(), "inclavare-sgx-sim-state-"));
after(() => rmSync(root, { recursive: true, force: true }));
const now = new Date("2026-06-01T12:00:00Z");
const path = join(root, "deep", "platform");
const { rootCertificatePem } = await createPlatform(path, { now });
const file = join(path, "platform.json");
const text = readFileSync(file, "utf8");
const CODE = { code: "ERR_SGX_PLATFORM" };

describe("the platform's directory", () => {
  it("is there whole, with nothing beside it", () => {
    assert.deepEqual(readdirSync(join(root, "deep")), ["platform"]);
    assert.deepEqual(readdirSync(path), ["platform.json", "root.pem"]);
  });

  it("is not made over anything: a file, an empty directory, a dangling link", async () => {
    writeFileSync(join(root, "file"), "");
    mkdirSync(join(root, "empty"));
    symlinkSync(join(root, "nowhere"), join(root, "link"));
    for (const name of ["file", "empty", "link"]) await assert.rejects(createPlatform(join(root, name), { now }), CODE);
    assert.deepEqual(readdirSync(root).toSorted(), ["deep", "empty", "file", "link"]);
  });

  it("is made once when two try", async () => {
    const twice = join(root, "twice");
    const results = await Promise.allSettled([createPlatform(twice, { now }), createPlatform(twice, { now })]);
    assert.deepEqual(results.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
    assert.match(openPlatform(twice).rootCertificatePem, /BEGIN CERTIFICATE/u);
  });

  it("is not used when others could read or change it", () => {
    for (const [what, closed, open] of [
      [path, 0o700, 0o750],
      [file, 0o600, 0o604],
    ] as const) {
      chmodSync(what, open);
      assert.throws(() => openPlatform(path), CODE);
      chmodSync(what, closed);
    }
    assert.equal(openPlatform(path).rootCertificatePem, rootCertificatePem);
  });

  it("is not used when it is damaged, and the error repeats none of its secrets", () => {
    const state = JSON.parse(text) as Record<string, Record<string, unknown>>;
    const change = (name: string, value: unknown): string => JSON.stringify({ ...state, [name]: value });
    for (const broken of [
      "",
      "null",
      "[]",
      text.slice(0, -3),
      "x".repeat(1 << 17),
      change("format", 2),
      change("ownerEpoch", "00"),
      change("fuses", { root: "zz", seal: "zz" }),
      change("keys", { ...state["keys"], pck: "none" }),
      change("keys", {}),
      change("certificates", { ...state["certificates"], root: "none" }),
    ]) {
      writeFileSync(file, broken);
      assert.throws(
        () => openPlatform(path),
        (error: Error & { code?: string }) => {
          assert.equal(error.code, "ERR_SGX_PLATFORM");
          assert.doesNotMatch(String(error.stack) + String(error.cause), /PRIVATE KEY/u);
          return true;
        },
      );
    }
    writeFileSync(file, text);
    assert.equal(openPlatform(path).rootCertificatePem, rootCertificatePem);
  });
});
