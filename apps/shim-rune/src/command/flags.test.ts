import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseFlags } from "./flags.ts";

describe("parseFlags", () => {
  it("reads what containerd 1.6 passes", () => {
    const words =
      "-namespace default -address /run/containerd/containerd.sock -publish-binary /usr/bin/containerd -id t2";
    const flags = parseFlags([...words.split(" "), "start"]);
    assert.deepEqual(
      [flags.namespace, flags.address, flags.id, flags.debug, flags.action],
      ["default", "/run/containerd/containerd.sock", "t2", false, "start"],
    );
  });

  it("reads every form that Go's flags have", () => {
    const flags = parseFlags([
      "--namespace=a=b",
      "-id",
      "-x",
      "-debug=false",
      "--bundle",
      "",
      "-v",
      "delete",
      "-id",
      "y",
    ]);
    assert.deepEqual(
      [flags.namespace, flags.id, flags.debug, flags.bundle, flags.version, flags.action],
      ["a=b", "-x", false, "", true, "delete"],
    );
    assert.deepEqual(parseFlags(["-info", "--", "-id"]).action, "-id");
  });

  for (const words of [["-nope"], ["-id"], ["-debug=maybe", "start"], ["-=x"], ["---id", "x"], ["-constructor"]]) {
    it(`refuses ${words.join(" ")} with ERR_USAGE`, () =>
      assert.throws(() => parseFlags(words), { code: "ERR_USAGE" }));
  }
});
