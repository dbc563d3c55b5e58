import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { bootstrapParams } from "../messages/bootstrap.ts";
import { any } from "../messages/common.ts";
import { runcOptions } from "../messages/options.ts";
import { decodeStartInput } from "./start-input.ts";

const options = {
  typeUrl: "containerd.runc.v1.Options",
  value: runcOptions.encode({ shimCgroup: "/x", binaryName: "runc" }),
};

describe("decodeStartInput", () => {
  it("takes nothing for no options", () => {
    assert.deepEqual(decodeStartInput(new Uint8Array(), "t2", "default"), { options: undefined, bootstrap: undefined });
  });

  it("reads the options of containerd up to 2.2", () => {
    const input = decodeStartInput(any.encode(options), "t2", "default");
    assert.equal(input.bootstrap, undefined);
    assert.equal(input.options?.typeUrl, options.typeUrl);
    assert.equal(runcOptions.decode(input.options.value).shimCgroup, "/x");
  });

  it("reads the parameters of containerd 2.3, options among the extensions", () => {
    const other = { typeUrl: "some.Other", value: new Uint8Array([1]) };
    const encoded = bootstrapParams.encode({
      instanceId: "t2",
      namespace: "default",
      logLevel: -4,
      containerdVersion: "v2.3.0",
      extensions: [{ value: other }, { value: options }],
      socketDirectory: "/run/other/s",
    });
    const input = decodeStartInput(encoded, "t2", "default");
    assert.equal(input.bootstrap?.socketDirectory, "/run/other/s");
    assert.equal(input.bootstrap.logLevel, -4);
    assert.equal(input.options?.typeUrl, options.typeUrl);
  });

  it("is not misled by parameters of another container, nor by an Any that reads as parameters", () => {
    const foreign = bootstrapParams.encode({ instanceId: "t3", namespace: "default" });
    assert.equal(decodeStartInput(foreign, "t2", "default").bootstrap, undefined);
    const input = decodeStartInput(any.encode(options), "t2", "default");
    assert.equal(bootstrapParams.decode(any.encode(options)).instanceId, options.typeUrl, "it does decode");
    assert.equal(input.bootstrap, undefined);
  });

  it("never fails over what it cannot read", () => {
    for (const bytes of [[0xff], [0x0a, 0xff], [0x0a, 0x05, 0x61], [0x12, 0x00]])
      assert.equal(decodeStartInput(new Uint8Array(bytes), "t2", "default").options, undefined);
  });
});
