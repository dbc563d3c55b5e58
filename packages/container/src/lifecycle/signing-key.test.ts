import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { type Config, parseConfig } from "../config.ts";
import { signingKeyOf } from "./signing-key.ts";

const directory = mkdtempSync(join(tmpdir(), "inclavare-signing-key-"));
after(() => rmSync(directory, { recursive: true, force: true }));

function config(state: string, signingKey?: string): Config {
  const conversion = signingKey === undefined ? "" : `[conversion]\nsigning_key = "${signingKey}"\n`;
  return parseConfig(`[rune]\nstate = "${state}"\n${conversion}`, "test", { payload: "/p" });
}

function rsa(modulusLength: number, publicExponent: number): KeyObject {
  return generateKeyPairSync("rsa", { modulusLength, publicExponent }).privateKey;
}

function keyFile(name: string, content: KeyObject | string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, typeof content === "string" ? content : content.export({ type: "pkcs8", format: "pem" }));
  chmodSync(path, mode);
  return path;
}

describe("signingKeyOf without a key in the configuration", () => {
  it("makes one once, for root alone, and nothing else stays", () => {
    const state = join(directory, "state");
    const key = signingKeyOf(config(state));
    assert.equal(key.asymmetricKeyDetails?.modulusLength, 3072);
    assert.ok(signingKeyOf(config(state)).equals(key));
    assert.deepEqual(readdirSync(state), ["debug-signing-key.pem"]);
    assert.equal(statSync(join(state, "debug-signing-key.pem")).mode & 0o777, 0o600);
  });

  it("refuses a file that is no key with ERR_FILE", () => {
    keyFile("debug-signing-key.pem", "garbage");
    assert.throws(() => signingKeyOf(config(directory)), { code: "ERR_FILE" });
  });
});

describe("signingKeyOf with the operator's key", () => {
  it("reads it, and makes none", () => {
    const key = rsa(3072, 3);
    const state = join(directory, "none");
    assert.ok(signingKeyOf(config(state, keyFile("good.pem", key))).equals(key));
    assert.throws(() => statSync(state));
  });

  const refused: Record<string, () => string> = {
    "one that is not there": () => join(directory, "nowhere.pem"),
    "one that others can read": () => keyFile("open.pem", rsa(3072, 3), 0o640),
    "what is no key": () => keyFile("text.pem", "-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n"),
    "a shorter key": () => keyFile("short.pem", rsa(2048, 3)),
    "another exponent": () => keyFile("exponent.pem", rsa(3072, 65_537)),
    "another kind of key": () => keyFile("ec.pem", generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
    "a folder": () => directory,
  };
  for (const [what, path] of Object.entries(refused)) {
    it(`refuses ${what} with ERR_SIGNING_KEY, which does not quote it`, () => {
      assert.throws(
        () => signingKeyOf(config(join(directory, "none"), path())),
        (error: Error) => {
          assert.equal((error as { code?: string }).code, "ERR_SIGNING_KEY");
          assert.doesNotMatch(error.message, /secret/u);
          return true;
        },
      );
    });
  }
});
