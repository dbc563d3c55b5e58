import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { beforeEach, afterEach, describe, it } from "node:test";
import { openBundle } from "./bundle.ts";
import { defaultSpec } from "./default-spec.ts";
import { formatRuntimeSpec, parseRuntimeSpec } from "./parse.ts";

let bundle = "";
beforeEach(() => {
  bundle = realpathSync(mkdtempSync(join(tmpdir(), "inclavare-bundle-")));
});
afterEach(() => rmSync(bundle, { recursive: true, force: true }));

function write(changes: Record<string, unknown> = {}): void {
  writeFileSync(join(bundle, "config.json"), formatRuntimeSpec({ ...defaultSpec(), ...changes }));
}

describe("openBundle", () => {
  it("resolves the root against the bundle", () => {
    write();
    mkdirSync(join(bundle, "rootfs"));
    const read = openBundle(relative(process.cwd(), bundle)).check();
    assert.deepEqual(read, {
      spec: defaultSpec(),
      rootfs: join(bundle, "rootfs"),
      configPath: join(bundle, "config.json"),
    });
  });

  it("takes an absolute root and one that is a link", () => {
    mkdirSync(join(bundle, "elsewhere"));
    symlinkSync("elsewhere", join(bundle, "rootfs"));
    write({ root: { path: join(bundle, "elsewhere") } });
    assert.equal(openBundle(bundle).check().rootfs, join(bundle, "elsewhere"));
    write();
    assert.equal(openBundle(bundle).check().rootfs, join(bundle, "rootfs"));
  });

  it("refuses a missing config.json, one that is no file, and a missing root with ERR_OCI_BUNDLE", () => {
    assert.throws(() => openBundle(bundle).check(), { code: "ERR_OCI_BUNDLE" });
    mkdirSync(join(bundle, "config.json"));
    assert.throws(() => openBundle(bundle).check(), { code: "ERR_OCI_BUNDLE" });
    rmSync(join(bundle, "config.json"), { recursive: true });
    write();
    assert.throws(() => openBundle(bundle).check(), { code: "ERR_OCI_BUNDLE" });
    writeFileSync(join(bundle, "rootfs"), "");
    assert.throws(() => openBundle(bundle).check(), { code: "ERR_OCI_BUNDLE" });
  });

  it("refuses a specification without root with ERR_OCI_SPEC", () => {
    write({ root: undefined });
    assert.throws(() => openBundle(bundle).check(), {
      code: "ERR_OCI_SPEC",
      details: { path: "root", rule: "required, got nothing" },
    });
  });
});

describe("defaultSpec", () => {
  it("is what runc spec writes", (t) => {
    try {
      execFileSync("runc", ["spec", "--bundle", bundle], { stdio: "pipe" });
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
      return t.skip("requires runc: it is not installed");
    }
    const { ociVersion, process, ...rest } = parseRuntimeSpec(readFileSync(join(bundle, "config.json")), "config.json");
    // runc wrote its own version of the specification, and until 1.2 granted the capabilities as ambient ones as well.
    assert.match(ociVersion, /^1\./u);
    assert.ok(process?.capabilities !== undefined);
    const { ambient: _ambient, ...capabilities } = process.capabilities;
    const { ociVersion: _version, ...ours } = defaultSpec();
    assert.deepEqual({ process: { ...process, capabilities }, ...rest }, ours);
  });

  it("is a new object each time", () => {
    assert.notEqual(defaultSpec().process?.capabilities?.bounding, defaultSpec().process?.capabilities?.bounding);
  });
});
