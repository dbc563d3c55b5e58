import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { runcOptions, runtimeOptions } from "./messages/options.ts";
import { readOptions } from "./options.ts";

const table = (text: string) => ({
  typeUrl: "runtimeoptions.v1.Options",
  value: runtimeOptions.encode({ configBody: Buffer.from(text) }),
});
const invalid = { name: "TtrpcError", status: 3 };

describe("readOptions", () => {
  it("takes nothing for the defaults", async () => {
    const options = await readOptions(undefined);
    assert.deepEqual(
      [options.binaryName, options.root, options.ioUid, options.systemdCgroup],
      ["", "", undefined, false],
    );
  });

  it("reads those of runc's shim, with and without a prefix of the type", async () => {
    const value = runcOptions.encode({ binaryName: "/usr/bin/crun", root: "/r", ioUid: 7, systemdCgroup: true });
    for (const typeUrl of ["containerd.runc.v1.Options", "type.googleapis.com/containerd.runc.v1.Options"]) {
      const options = await readOptions({ typeUrl, value });
      assert.deepEqual(
        [options.binaryName, options.root, options.ioUid, options.ioGid],
        ["/usr/bin/crun", "/r", 7, undefined],
      );
      assert.equal(options.systemdCgroup, true);
    }
  });

  it("reads the table that is sent for a runtime that containerd does not know", async () => {
    const options = await readOptions(table('BinaryName = "crun"\nSystemdCgroup = true\nIoUid = 0\nSomething = [1]\n'));
    assert.deepEqual([options.binaryName, options.systemdCgroup, options.ioUid], ["crun", true, 0]);
    const none = { typeUrl: "runtimeoptions.v1.Options", value: new Uint8Array() };
    assert.equal((await readOptions(none)).binaryName, "");
  });

  it("refuses what it cannot read", async () => {
    await assert.rejects(readOptions({ typeUrl: "some.Other", value: new Uint8Array() }), invalid);
    await assert.rejects(readOptions(table("BinaryName = 7")), invalid);
    await assert.rejects(readOptions(table("not toml at all")), invalid);
    const missing = {
      typeUrl: "runtimeoptions.v1.Options",
      value: runtimeOptions.encode({ configPath: "/no/such/file" }),
    };
    await assert.rejects(readOptions(missing), invalid);
  });
});
