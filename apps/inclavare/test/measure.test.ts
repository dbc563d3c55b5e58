import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { defaultSpec, formatRuntimeSpec, type SpecProcess } from "@inclavare/oci";
import { CONFIG, Workshop } from "./workshop.ts";

interface Measured {
  readonly mrEnclave: string;
  readonly image: string;
  readonly spec?: { readonly fits: boolean; readonly variablesLeftOut: readonly string[] };
}

function specText(process: Partial<SpecProcess>): string {
  const spec = defaultSpec();
  const fitting = { args: ["/app/main.wasm", "x"], env: [], cwd: "/", terminal: false };
  return formatRuntimeSpec({ ...spec, process: { ...fitting, ...process } });
}

describe("inclavare measure", () => {
  it("gives for an ordinary image what its TEE image has, and writes nothing", async (t) => {
    const shop = new Workshop(t);
    const image = await shop.image();
    const flags = ["--owner", "o", "--threads", "2", "--memory", "1M", "--payload", shop.payload];
    await shop.must("convert", image, "-o", shop.path("tee"), ...flags);
    const before = readdirSync(shop.directory);
    const ordinary = await shop.json<Measured>("measure", image, ...flags);
    const tee = await shop.json<Measured>("measure", shop.path("tee"), "--payload", shop.payload);
    assert.equal(ordinary.mrEnclave, tee.mrEnclave);
    assert.deepEqual([ordinary.image, tee.image], ["ordinary", "tee"]);
    assert.deepEqual(readdirSync(shop.directory), before);
    const other = await shop.json<Measured>("measure", image, ...flags, "--owner", "p");
    assert.notEqual(other.mrEnclave, ordinary.mrEnclave);
  });

  it("-o json and text say the same", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    const { mrEnclave } = JSON.parse(
      await shop.must("measure", tee, "--payload", shop.payload, "-o", "json"),
    ) as Measured;
    assert.ok((await shop.must("measure", tee, "--payload", shop.payload)).includes(mrEnclave));
  });

  it("--spec: checks that the process fits, and names the variables that are left out", async (t) => {
    const shop = new Workshop(t);
    const flags = ["measure", await shop.image(), "--payload", shop.payload, "--spec"];
    const env = ["LANG=C", "HOSTNAME=pod", "ENCLAVE_TYPE=simulated"];
    const { spec } = await shop.json<Measured>(...flags, shop.write("config.json", specText({ env })));
    assert.deepEqual(spec, { fits: true, variablesLeftOut: ["HOSTNAME"] });
    const misfits: Partial<SpecProcess>[] = [
      { args: ["/bin/sh"] },
      { args: ["/app/main.wasm", "y"] },
      { env: ["LANG=de"] },
      { cwd: "/tmp" },
    ];
    for (const process of misfits) {
      await shop.fails("ERR_MANIFEST_FORBIDS", 1, ...flags, shop.write("config.json", specText(process)));
    }
    await shop.fails("ERR_OCI_SPEC", 1, ...flags, shop.write("config.json", "{"));
    await shop.fails("ERR_FILE_NOT_FOUND", 1, ...flags, shop.path("none"));
  });

  it("refuses flags of the conversion for a TEE image: ERR_USAGE", async (t) => {
    const shop = new Workshop(t);
    await shop.fails("ERR_USAGE", 2, "measure", await shop.tee(), "--owner", "x", "--payload", shop.payload);
  });
});

describe("inclavare inspect", () => {
  it("tells an unsigned image from a signed one, in text as well", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    const text = await shop.must("inspect", tee, "--payload", shop.payload);
    assert.match(text, /^signature +none$/mu);
    assert.match(text, /^problem +it is not signed$/mu);
    const { manifest } = await shop.json<{ manifest: { env: { fixed: object } } }>("inspect", tee);
    assert.deepEqual(manifest.env.fixed, { LANG: "C", A: "b" });
    await shop.fails("ERR_IMAGE_NOT_TEE", 1, "inspect", await shop.image());
    await shop.fails("ERR_FILE_NOT_FOUND", 1, "inspect", shop.path("none"));
  });

  it("notices an altered blob", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    const blobs = join(tee, "blobs", "sha256");
    const path = readdirSync(blobs)
      .map((name) => join(blobs, name))
      .toSorted((a, b) => readFileSync(b).length - readFileSync(a).length)[0];
    const bytes = readFileSync(path ?? "");
    bytes.writeUInt8(bytes.readUInt8(5000) ^ 1, 5000);
    writeFileSync(path ?? "", bytes);
    await shop.fails("ERR_OCI_DIGEST", 1, "inspect", tee);
  });
});

describe("inclavare bundle", () => {
  it("unpacks a signed image; refuses an unsigned one and a full directory", async (t) => {
    const shop = new Workshop(t);
    const tee = await shop.tee();
    await shop.fails("ERR_IMAGE_UNSIGNED", 1, "bundle", tee, "-o", shop.path("bundle"));
    await shop.fails("ERR_USAGE", 2, "bundle", tee);
    await shop.must("keygen", "-o", shop.path("key.pem"));
    await shop.must("sign", tee, "--key", shop.path("key.pem"), "--payload", shop.payload);
    assert.deepEqual(JSON.parse(await shop.must("bundle", tee, "-o", shop.path("bundle"), "--json")), {
      bundle: shop.path("bundle"),
    });
    assert.deepEqual(readdirSync(shop.path("bundle")), ["config.json", "rootfs"]);
    await shop.fails("ERR_OCI_TARGET_EXISTS", 1, "bundle", tee, "-o", shop.path("bundle"));
  });
});

describe("inclavare", () => {
  it("runs as a program: help, version, results on stdout, errors on stderr", () => {
    const main = join(import.meta.dirname, "..", "src", "main.ts");
    const inclavare = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: "utf8" });
    const help = inclavare("--help");
    assert.equal(help.status, 0, help.stderr);
    for (const name of ["doctor", "keygen", "convert", "measure", "sign", "inspect", "bundle", "demo"]) {
      assert.match(help.stdout, new RegExp(`^  ${name}\\b`, "mu"));
    }
    const missing = inclavare("convert", CONFIG.Entrypoint?.[0] ?? "", "-o", "x");
    assert.deepEqual([missing.status, missing.stdout], [1, ""]);
    assert.match(missing.stderr, /\[ERR_FILE_NOT_FOUND\]/u);
  });
});
