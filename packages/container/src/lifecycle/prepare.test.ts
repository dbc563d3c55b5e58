import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { parseRequest } from "../request.ts";
import { readRequest } from "./prepare.ts";

const ASKS = { "enclave.type": "simulated", "enclave.runtime.path": "wasm" };
const DEFAULT = parseRequest({ type: "simulated", runtime: "wasm" });

function bundle(t: TestContext, annotations: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), "inclavare-bundle-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "rootfs"));
  const process = { args: ["/app.wasm"], cwd: "/" };
  writeFileSync(
    join(folder, "config.json"),
    JSON.stringify({ ociVersion: "1.0.2", process, root: { path: "rootfs" }, annotations }),
  );
  return folder;
}

describe("readRequest", () => {
  it("leaves a pod's sandbox plain, although the pod's annotations reach it too", (t) => {
    const sandbox = { "io.kubernetes.cri.container-type": "sandbox" };
    assert.equal(readRequest(bundle(t, { ...ASKS, ...sandbox }), DEFAULT).asked, undefined);
    const container = { "io.kubernetes.cri.container-type": "container" };
    assert.equal(readRequest(bundle(t, { ...ASKS, ...container })).asked?.request.runtime, "wasm");
  });

  it("takes the default where nothing is asked for", (t) => {
    assert.deepEqual(readRequest(bundle(t, {}), DEFAULT).asked?.request, DEFAULT);
    assert.equal(readRequest(bundle(t, {})).asked, undefined);
  });
});
