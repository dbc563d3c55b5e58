import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { groupOf, socketName, socketPath } from "./socket-address.ts";

describe("the shim's socket", () => {
  it("is named as containerd's own shim names its, so that addresses can be told apart", () => {
    const name = socketName("/run/containerd/containerd.sock", "default", "t2");
    assert.equal(name, "7d3eef4fc7c4c3dc708912ec4c3b31331295b492c44c2258d8d0d68205dbe947");
    assert.equal(socketName("/run//containerd/containerd.sock", "default", "t2"), name);
    const ours = socketPath("/run/containerd/s", {
      address: "/run/containerd/containerd.sock",
      namespace: "default",
      group: "t2",
    });
    assert.match(ours, /^\/run\/containerd\/s\/[0-9a-f]{64}$/u);
    assert.ok(!ours.endsWith(name), "a shim of runc is never joined");
  });

  it("stays below the limit of a socket's address with long names", () => {
    const word = "n".repeat(300);
    const path = socketPath("/run/containerd/s", { address: word, namespace: word, group: word });
    assert.ok(Buffer.byteLength(path) <= 106);
  });

  it("is shared by a pod or a named group", () => {
    assert.equal(groupOf("t2", {}), "t2");
    assert.equal(groupOf("t2", { "io.kubernetes.cri.sandbox-id": "pod" }), "pod");
    const both = { "io.kubernetes.cri.sandbox-id": "pod", "io.containerd.runc.v2.group": "mine" };
    assert.equal(groupOf("t2", both), "mine");
    assert.equal(groupOf("t2", { "io.containerd.runc.v2.group": "" }), "t2");
  });
});
