import assert from "node:assert/strict";
import { createHash, generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import type { EnclaveManifest } from "@inclavare/enclave-image";
import { CONFIG, Workshop } from "./workshop.ts";

interface Converted {
  readonly manifest: EnclaveManifest;
  readonly mrEnclave: string;
  readonly layout: string;
}

/** Converts the small image with further flags. */
async function convert(t: TestContext, ...flags: string[]): Promise<Converted> {
  const shop = new Workshop(t);
  const image = await shop.image();
  return await shop.json<Converted>("convert", image, "-o", shop.path("tee"), "--payload", shop.payload, ...flags);
}

describe("inclavare convert", () => {
  it("says what it made, for people and for programs, and what it does on stderr", async (t) => {
    const shop = new Workshop(t);
    const image = await shop.image();
    const text = await shop.run("convert", image, "-o", shop.path("a"), "--payload", shop.payload);
    assert.match(text.stdout, /^MRENCLAVE +[0-9a-f]{64}$/mu);
    assert.match(text.stderr, /^convert: reading the layers$/mu);
    const json = await shop.run("convert", image, "-o", shop.path("b"), "--payload", shop.payload, "--json");
    const { mrEnclave } = JSON.parse(json.stdout) as Converted;
    assert.ok(text.stdout.includes(mrEnclave));
    await shop.fails("ERR_USAGE", 2, "convert", image, "-o", shop.path("c"), "--json", "--format", "text");
  });

  it("--workload, --owner, --runtime", async (t) => {
    const { manifest } = await convert(t, "--workload", "w", "--owner", "o", "--runtime", "wasm");
    assert.deepEqual([manifest.workload, manifest.owner, manifest.runtime], ["w", "o", "wasm"]);
  });

  it("--verifier by hash and by file, --secret", async (t) => {
    const shop = new Workshop(t);
    const { publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const file = shop.write("verifier.pem", publicKey.export({ format: "pem", type: "spki" }));
    const hash = createHash("sha256")
      .update(publicKey.export({ format: "der", type: "spki" }))
      .digest("hex");
    const flags = ["--verifier", "AB".repeat(32), "--verifier", file, "--secret", "a=/s/a", "--secret", "b=/s/b=c"];
    const { manifest } = await convert(t, ...flags);
    assert.deepEqual(manifest.verifiers, ["ab".repeat(32), hash]);
    assert.deepEqual(manifest.secrets, [
      { name: "a", path: "/s/a" },
      { name: "b", path: "/s/b=c" },
    ]);
  });

  it("--env-from-outside, --args-from-outside", async (t) => {
    const { manifest } = await convert(
      t,
      "--env-from-outside",
      "LANG",
      "--env-from-outside",
      "TZ",
      "--args-from-outside",
    );
    assert.deepEqual(manifest.env, { fixed: { A: "b" }, fromOutside: ["LANG", "TZ"] });
    assert.deepEqual(manifest.args, { fromOutside: true });
  });

  it("--allow-exec, --stdin, --debug", async (t) => {
    const { manifest } = await convert(t, "--allow-exec", "--stdin", "--debug");
    assert.deepEqual([manifest.exec, manifest.stdin, manifest.debug], [true, true, true]);
  });

  it("--isv-prod-id, --isv-svn, --memory, --threads, --memory-mount", async (t) => {
    const sizes = ["--memory", "64MiB", "--threads", "3", "--isv-prod-id", "7", "--isv-svn", "8"];
    const { manifest } = await convert(t, ...sizes, "--memory-mount", "/scratch", "--memory-mount", "/var/tmp");
    assert.deepEqual(manifest.product, { id: 7, svn: 8 });
    assert.deepEqual([manifest.memoryBytes, manifest.threads], [64 << 20, 3]);
    assert.deepEqual(manifest.mounts.memory, ["/scratch", "/var/tmp"]);
  });

  it("--manifest, with the other flags after it", async (t) => {
    const shop = new Workshop(t);
    const patch = { owner: "file", signals: ["KILL"], env: { fixed: { A: null, B: "c" } }, product: { id: 1, svn: 1 } };
    const file = shop.write("patch.json", JSON.stringify(patch));
    const { manifest } = await convert(t, "--manifest", file, "--owner", "flag", "--isv-svn", "2");
    assert.deepEqual([manifest.owner, manifest.signals], ["flag", ["KILL"]]);
    assert.deepEqual(manifest.env.fixed, { LANG: "C", B: "c" });
    assert.deepEqual(manifest.product, { id: 1, svn: 2 });
  });

  it("--reference", async (t) => {
    const shop = new Workshop(t);
    const image = await shop.image();
    await shop.must("convert", image, "-o", shop.path("tee"), "--reference", "app:1");
    await shop.must("inspect", shop.path("tee"), "--reference", "app:1");
    await shop.fails("ERR_OCI_REFERENCE", 1, "convert", image, "-o", shop.path("b"), "--reference", "app:2");
  });

  it("--payload: another payload, another measurement; one that is not there is an error before anything is written", async (t) => {
    const shop = new Workshop(t);
    const image = await shop.image();
    const flags = ["convert", image, "-o", shop.path("tee"), "--payload"];
    await shop.fails("ERR_PAYLOAD_MISSING", 1, ...flags, shop.path("none"));
    writeFileSync(join(shop.payload, "bin", "node"), "altered");
    await shop.fails("ERR_PAYLOAD_ALTERED", 1, ...flags, shop.payload);
    assert.equal(existsSync(shop.path("tee")), false);
  });

  it("gives equal images in two folders", async (t) => {
    const [first, second] = [await convert(t), await convert(t)];
    assert.deepEqual({ ...first, layout: "" }, { ...second, layout: "" });
  });
});

describe("inclavare convert, bad input", () => {
  const usage: Record<string, string[]> = {
    "no directory": [],
    "an unknown runtime": ["-o", "x", "--runtime", "linux"],
    "an unknown flag": ["-o", "x", "--nonsense"],
    "a size without a number": ["-o", "x", "--memory", "lots"],
    "threads that are no number": ["-o", "x", "--threads", "-1"],
    "a secret without a path": ["-o", "x", "--secret", "name"],
  };
  for (const [what, flags] of Object.entries(usage)) {
    it(`${what}: ERR_USAGE, exit 2`, async (t) => {
      const shop = new Workshop(t);
      await shop.fails("ERR_USAGE", 2, "convert", await shop.image(), ...flags);
    });
  }

  it("a verifier's file that holds no key: ERR_USAGE; one that is not there: ERR_FILE_NOT_FOUND", async (t) => {
    const shop = new Workshop(t);
    const flags = ["convert", await shop.image(), "-o", shop.path("tee"), "--verifier"];
    await shop.fails("ERR_USAGE", 2, ...flags, shop.write("no.pem", "hello"));
    await shop.fails("ERR_FILE_NOT_FOUND", 1, ...flags, shop.path("none"));
  });

  it("an image that is not there, is none, or is damaged", async (t) => {
    const shop = new Workshop(t);
    const out = ["-o", shop.path("tee")];
    await shop.fails("ERR_FILE_NOT_FOUND", 1, "convert", shop.path("none"), ...out);
    await shop.fails("ERR_OCI_IMAGE", 1, "convert", shop.write("text", "hello"), ...out);
    const image = await shop.image();
    writeFileSync(join(image, "index.json"), "{");
    await shop.fails("ERR_OCI_IMAGE", 1, "convert", image, ...out);
    assert.equal(existsSync(shop.path("tee")), false);
  });

  it("a program that is no WASM, leaves the image, or is not there", async (t) => {
    const shop = new Workshop(t);
    const out = ["-o", shop.path("tee")];
    const elf = await shop.image("elf", CONFIG, Buffer.from("\u007fELF"));
    assert.match(await shop.fails("ERR_IMAGE_NOT_WASM", 1, "convert", elf, ...out), /ELF/u);
    const escaping = await shop.image("escaping", { Entrypoint: ["/app/../../etc/passwd"] });
    await shop.fails("ERR_IMAGE_ESCAPE", 1, "convert", escaping, ...out);
    const missing = await shop.image("missing", { Entrypoint: ["/none"] });
    await shop.fails("ERR_IMAGE_ENTRYPOINT", 1, "convert", missing, ...out);
    await shop.fails("ERR_IMAGE_IS_TEE", 1, "convert", await shop.tee("done"), ...out);
    assert.equal(existsSync(shop.path("tee")), false);
  });

  it("a manifest that breaks a rule, is no object, has an unknown member, or is no JSON", async (t) => {
    const shop = new Workshop(t);
    const image = await shop.image();
    const flags = ["convert", image, "-o", shop.path("tee")];
    await shop.fails("ERR_MANIFEST", 1, ...flags, "--secret", "a=/s/a");
    await shop.fails("ERR_MANIFEST", 1, ...flags, "--memory-mount", "relative");
    await shop.fails("ERR_MANIFEST", 1, ...flags, "--isv-svn", "65536");
    for (const text of ["[]", '{"nonsense":1}', "{"]) {
      await shop.fails("ERR_MANIFEST", 1, ...flags, "--manifest", shop.write("patch.json", text));
    }
  });

  it("a directory with something in it is left alone: ERR_OCI_TARGET_EXISTS", async (t) => {
    const shop = new Workshop(t);
    const image = await shop.image();
    mkdirSync(shop.path("tee"));
    writeFileSync(shop.path("tee", "something"), "");
    await shop.fails("ERR_OCI_TARGET_EXISTS", 1, "convert", image, "-o", shop.path("tee"));
    assert.deepEqual(readdirSync(shop.path("tee")), ["something"]);
    await shop.fails("ERR_FILE", 1, "convert", image, "-o", shop.path("none", "deep", "tee"));
  });
});
