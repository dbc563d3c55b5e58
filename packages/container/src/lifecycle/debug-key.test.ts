import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { debugSigningKey } from "./debug-key.ts";

describe("debugSigningKey", () => {
  const directory = mkdtempSync(join(tmpdir(), "inclavare-debug-key-"));
  after(() => rmSync(directory, { recursive: true, force: true }));

  it("is made once, for root alone, and nothing else stays", () => {
    const state = join(directory, "state");
    const key = debugSigningKey(state);
    assert.equal(key.asymmetricKeyDetails?.modulusLength, 3072);
    assert.ok(debugSigningKey(state).equals(key));
    assert.deepEqual(readdirSync(state), ["debug-signing-key.pem"]);
    assert.equal(statSync(join(state, "debug-signing-key.pem")).mode & 0o777, 0o600);
  });

  it("refuses a file that is no key with ERR_FILE", () => {
    writeFileSync(join(directory, "debug-signing-key.pem"), "garbage");
    assert.throws(() => debugSigningKey(directory), { code: "ERR_FILE" });
  });
});
