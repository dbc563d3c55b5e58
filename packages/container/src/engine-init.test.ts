import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { defaultSpec } from "@inclavare/oci";
import { withoutEngineInit } from "./engine-init.ts";

const bound = {
  destination: "/sbin/docker-init",
  type: "bind",
  source: "/usr/bin/docker-init",
  options: ["bind", "ro"],
};
const spec = (args: readonly string[], mounts = [bound]) => {
  const { process, root, ...rest } = defaultSpec();
  assert.ok(process !== undefined && root !== undefined);
  return { ...rest, root, process: { ...process, args }, mounts };
};

describe("withoutEngineInit", () => {
  it("takes docker's init away, and its mount", () => {
    const { process, mounts } = withoutEngineInit(spec(["/sbin/docker-init", "--", "/app", "-x"]));
    assert.deepEqual([process.args, mounts], [["/app", "-x"], []]);
  });

  it("leaves a program of that name alone that the image has, and everything else", () => {
    for (const asked of [
      spec(["/sbin/docker-init", "--", "/app"], []),
      spec(["/sbin/docker-init", "/app"]),
      spec(["/sbin/docker-init", "--"]),
      spec(["/app", "--", "x"]),
    ])
      assert.equal(withoutEngineInit(asked), asked);
  });
});
