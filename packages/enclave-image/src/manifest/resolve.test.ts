import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MANIFEST } from "../../test/fixtures.ts";
import { type EnclaveManifest, resolveProcess } from "../index.ts";

const ARGS = ["/app/main.wasm", "--first", "--second"];
const OUTSIDE = { args: ARGS, env: [] as string[], cwd: "/" };

function assertForbids(member: string, outside: object, manifest: object = {}, options = {}): void {
  assert.throws(() => resolveProcess({ ...MANIFEST, ...manifest }, { ...OUTSIDE, ...outside }, options), {
    code: "ERR_MANIFEST_FORBIDS",
    details: { member },
  });
}

describe("resolveProcess", () => {
  it("gives the manifest's process when the request is that", () => {
    assert.deepEqual(resolveProcess(MANIFEST, OUTSIDE), { args: ARGS, env: ["TABLE=/secrets/table.csv"], cwd: "/" });
  });

  it("refuses another program, another argument, more and fewer of them, another directory", () => {
    assertForbids("entrypoint", { args: ["/app/other.wasm", "--first", "--second"] });
    assertForbids("entrypoint", { args: [] });
    assertForbids("entrypoint", { args: ["/app/main.wasm", "--other", "--second"] });
    assertForbids("entrypoint", { args: ["/app/main.wasm"] });
    assertForbids("args", { args: [...ARGS, "--third"] });
    assertForbids("args", { args: ARGS.slice(0, 2) });
    assertForbids("args", { args: ["/app/main.wasm", "--first", "--other"] });
    assertForbids("cwd", { cwd: "/tmp" });
    assertForbids("args", { args: [...ARGS.slice(0, 2), "a\0b"] });
  });

  it("takes whatever arguments come where the manifest lets them in, behind the entrypoint's own", () => {
    const open: EnclaveManifest = { ...MANIFEST, args: { fromOutside: true } };
    const args = ["/app/main.wasm", "--first", "a", "b"];
    assert.deepEqual(resolveProcess(open, { ...OUTSIDE, args }).args, args);
    assertForbids("entrypoint", { args: ["/app/main.wasm", "a"] }, { args: { fromOutside: true } });
  });

  it("knows its program by a relative name, and runs it by the absolute one", () => {
    for (const name of ["main.wasm", "app/main.wasm", "./app/main.wasm", "/app/../app/main.wasm"]) {
      assert.deepEqual(resolveProcess(MANIFEST, { ...OUTSIDE, args: [name, ...ARGS.slice(1)] }).args, ARGS);
    }
    assertForbids("entrypoint", { args: ["x/main.wasm", ...ARGS.slice(1)] });
    assertForbids("entrypoint", { args: ["", ...ARGS.slice(1)] });
  });

  it("lets named variables in, leaves others out, and refuses to change a fixed one without telling either value", () => {
    const env = ["LANG=C", "HOSTNAME=x", "TABLE=/secrets/table.csv", "NODE_OPTIONS=--inspect", "=x", "LANG=de"];
    assert.deepEqual(resolveProcess(MANIFEST, { ...OUTSIDE, env }).env, ["LANG=de", "TABLE=/secrets/table.csv"]);
    assert.throws(
      () => resolveProcess(MANIFEST, { ...OUTSIDE, env: ["TABLE=hunter2"] }),
      (error: Error) => !/hunter2|table\.csv/u.test(error.message),
    );
    assertForbids("env.fixed.TABLE", { env: ["TABLE=hunter2"] });
  });

  it("allows exec only where the manifest does, with the same rule for variables", () => {
    const outside = { args: ["/bin/tool", "x"], env: ["LANG=C", "A=b"], cwd: "/tmp" };
    assertForbids("exec", outside, {}, { exec: true });
    assertForbids("args", { ...outside, args: [] }, { exec: true }, { exec: true });
    assert.deepEqual(resolveProcess({ ...MANIFEST, exec: true }, outside, { exec: true }), {
      ...outside,
      env: ["LANG=C", "TABLE=/secrets/table.csv"],
    });
  });
});
