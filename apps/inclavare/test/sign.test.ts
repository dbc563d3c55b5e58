import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { describe, it } from "node:test";
import { Workshop } from "./workshop.ts";

interface Inspected {
  readonly signature: string;
  readonly mrEnclave: string;
  readonly mrSigner: string;
  readonly date: string;
  readonly problems: readonly string[];
}

const toPem = (key: KeyObject): string => key.export({ format: "pem", type: "pkcs8" }).toString();

describe("inclavare keygen", () => {
  it("writes an RSA-3072 key with exponent 3 for its owner only, and tells MRSIGNER", async (t) => {
    const shop = new Workshop(t);
    const { mrSigner } = await shop.json("keygen", "-o", shop.path("key.pem"));
    assert.match(String(mrSigner), /^[0-9a-f]{64}$/u);
    assert.equal(statSync(shop.path("key.pem")).mode & 0o777, 0o600);
    const { asymmetricKeyDetails } = createPrivateKey(readFileSync(shop.path("key.pem")));
    assert.deepEqual(asymmetricKeyDetails, { modulusLength: 3072, publicExponent: 3n });
  });

  it("refuses to overwrite, and to go without a name", async (t) => {
    const shop = new Workshop(t);
    const path = shop.write("key.pem", "precious");
    await shop.fails("ERR_OUTPUT_EXISTS", 1, "keygen", "-o", path);
    assert.equal(readFileSync(path, "utf8"), "precious");
    await shop.fails("ERR_USAGE", 2, "keygen");
    await shop.fails("ERR_FILE", 1, "keygen", "-o", shop.path("none", "key.pem"));
  });
});

describe("inclavare sign", () => {
  it("--key signs at once; inspect and measure agree with it", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    const payload = ["--payload", shop.payload];
    const { mrSigner } = await shop.json("keygen", "-o", shop.path("key.pem"));
    const signed = await shop.json("sign", tee, "--key", shop.path("key.pem"), ...payload);
    const inspected = await shop.json<Inspected>("inspect", tee, ...payload);
    assert.deepEqual([inspected.signature, inspected.problems], ["valid", []]);
    assert.deepEqual([signed["mrEnclave"], signed["mrSigner"]], [inspected.mrEnclave, mrSigner]);
    const measured = await shop.json("measure", tee, ...payload);
    assert.equal(measured["mrEnclave"], inspected.mrEnclave);
    assert.equal(inspected.date, "1970-01-01");
  });

  it("--material-out, then --signature and --public-key: the key is never here", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    const common = ["--payload", shop.payload, "--date", "2026-01-31"];
    await shop.must("sign", tee, "--material-out", shop.path("material.bin"), ...common);
    const material = readFileSync(shop.path("material.bin"));
    assert.equal(material.length, 256);
    await shop.fails("ERR_OUTPUT_EXISTS", 1, "sign", tee, "--material-out", shop.path("material.bin"), ...common);
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 });
    const signature = shop.write("signature.bin", sign("sha256", material, privateKey));
    const pem = shop.write("public.pem", publicKey.export({ format: "pem", type: "spki" }));
    await shop.must("sign", tee, "--signature", signature, "--public-key", pem, ...common);
    const inspected = await shop.json<Inspected>("inspect", tee, "--payload", shop.payload);
    assert.deepEqual([inspected.signature, inspected.date, inspected.problems], ["valid", "2026-01-31", []]);
  });

  it("a signature that does not match: ERR_SGX_INVALID_SIGNATURE, and the image stays unsigned", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    const payload = ["--payload", shop.payload];
    await shop.must("keygen", "-o", shop.path("key.pem"));
    const key = createPrivateKey(readFileSync(shop.path("key.pem")));
    const pem = shop.write("public.pem", createPublicKey(key).export({ format: "pem", type: "spki" }));
    const signature = shop.write("signature.bin", sign("sha256", Buffer.from("something else"), key));
    const flags = ["sign", tee, "--signature", signature, "--public-key", pem, ...payload];
    await shop.fails("ERR_SGX_INVALID_SIGNATURE", 1, ...flags);
    assert.equal((await shop.json<Inspected>("inspect", tee, ...payload)).signature, "none");
  });

  it("keys that are not RSA-3072 with exponent 3: ERR_SGX_SIGNING_KEY", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    const keys = [
      toPem(generateKeyPairSync("rsa", { modulusLength: 2048, publicExponent: 3 }).privateKey),
      toPem(generateKeyPairSync("rsa", { modulusLength: 3072 }).privateKey),
      toPem(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey),
      "no key",
      "",
    ];
    for (const pem of keys) {
      const flags = ["--key", shop.write("key.pem", pem), "--payload", shop.payload];
      const said = await shop.fails("ERR_SGX_SIGNING_KEY", 1, "sign", tee, ...flags);
      assert.doesNotMatch(said, /BEGIN/u);
    }
    await shop.fails("ERR_FILE_NOT_FOUND", 1, "sign", tee, "--key", shop.path("none"), "--payload", shop.payload);
  });

  it("flags that do not belong together, or too few of them: ERR_USAGE, exit 2", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    const wrong = [
      [],
      ["--key", "a", "--material-out", "b"],
      ["--key", "a", "--signature", "b", "--public-key", "c"],
      ["--signature", "a"],
      ["--public-key", "a"],
      ["--key", "a", "--date", "tomorrow"],
    ];
    for (const flags of wrong) await shop.fails("ERR_USAGE", 2, "sign", tee, ...flags);
  });

  it("an ordinary image, and a folder that is none", async (t) => {
    const shop = new Workshop(t);
    await shop.must("keygen", "-o", shop.path("key.pem"));
    const flags = ["--key", shop.path("key.pem"), "--payload", shop.payload];
    await shop.fails("ERR_IMAGE_NOT_TEE", 1, "sign", await shop.image(), ...flags);
    await shop.fails("ERR_FILE_NOT_FOUND", 1, "sign", shop.path("none"), ...flags);
    await shop.fails(
      "ERR_PAYLOAD_MISSING",
      1,
      "sign",
      await shop.tee(),
      ...flags.slice(0, 2),
      "--payload",
      shop.path("x"),
    );
    assert.equal(existsSync(shop.path("none")), false);
  });
});
