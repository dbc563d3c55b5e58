import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { mountsBelow } from "./unmount.ts";

const MOUNTINFO = `25 1 8:1 / / rw - ext4 /dev/sda1 rw
30 25 0:40 / /b/rootfs rw - overlay overlay rw
31 30 0:41 / /b/rootfs/proc rw - proc proc rw
32 25 0:42 / /b/rootfs-other rw - tmpfs tmpfs rw
33 30 0:43 / /b/rootfs/a\\040b rw - tmpfs tmpfs rw
`;

describe("mountsBelow", () => {
  it("gives the deepest first, and no neighbour of a similar name", () => {
    assert.deepEqual(mountsBelow("/b/rootfs", MOUNTINFO), ["/b/rootfs/a b", "/b/rootfs/proc", "/b/rootfs"]);
    assert.deepEqual(mountsBelow("/b/root", MOUNTINFO), []);
  });
});
