import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { EnclaveManifest } from "@inclavare/enclave-image";
import { Secrets } from "./secrets.ts";

const manifest = (names: string[]): EnclaveManifest =>
  ({ secrets: names.map((name) => ({ name, path: `/secrets/${name}` })) }) as unknown as EnclaveManifest;

describe("Secrets", () => {
  it("is complete at once when the manifest names none", async () => await new Secrets(manifest([])).complete);

  it("is complete when the last one has arrived, and shows each at its path", async () => {
    const secrets = new Secrets(manifest(["a", "b"]));
    let complete = false;
    void secrets.complete.then(() => (complete = true));
    secrets.deliver("a", Buffer.from("one"));
    await Promise.resolve();
    assert.equal(complete, false);
    assert.deepEqual(secrets.missing(), ["b"]);
    secrets.deliver("b", Buffer.from("two"));
    await secrets.complete;
    assert.deepEqual([...secrets.files.keys()], ["/secrets/a", "/secrets/b"]);
  });

  it("refuses an unknown name, and a second delivery", () => {
    const secrets = new Secrets(manifest(["a"]));
    assert.throws(() => secrets.deliver("x", Buffer.of(1)), { code: "ERR_SECRET_UNKNOWN" });
    secrets.deliver("a", Buffer.of(1));
    assert.throws(() => secrets.deliver("a", Buffer.of(2)), { code: "ERR_SECRET_DELIVERED" });
    assert.deepEqual(secrets.files.get("/secrets/a"), Uint8Array.of(1));
  });

  it("keeps its own copy, which the caller cannot change afterwards", () => {
    const secrets = new Secrets(manifest(["a"]));
    const bytes = Buffer.from("one");
    secrets.deliver("a", bytes);
    bytes.fill(0);
    assert.equal(Buffer.from(secrets.files.get("/secrets/a") ?? []).toString(), "one");
  });
});
