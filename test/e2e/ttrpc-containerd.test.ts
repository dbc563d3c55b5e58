import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { bytes, createClient, int32, int64, message, nested, text, uint32 } from "@inclavare/ttrpc";
import { Containerd } from "../support/containerd.ts";
import { cannotRun, Testbed } from "../support/testbed.ts";

const timestamp = message({ seconds: int64(1), nanos: int32(2) });
const any = message({ typeUrl: text(1), value: bytes(2) });
const envelope = message({
  timestamp: nested(1, timestamp),
  namespace: text(2),
  topic: text(3),
  event: nested(4, any),
});
const taskStart = message({ containerId: text(1), pid: uint32(2) });
const forward = {
  service: "containerd.services.events.ttrpc.v1.Events",
  method: "Forward",
  request: message({ envelope: nested(1, envelope) }),
  response: message({}),
};

function started(containerId: string, topic = "/tasks/start") {
  return {
    envelope: {
      timestamp: { seconds: BigInt(Math.trunc(Date.now() / 1000)), nanos: 1 },
      namespace: "default",
      topic,
      event: { typeUrl: "containerd.events.TaskStart", value: taskStart.encode({ containerId, pid: 4711 }) },
    },
  };
}

describe("the ttrpc client and containerd", { skip: cannotRun("containerd", "ctr") }, () => {
  it("publishes an event, and brings back what containerd refuses", async () => {
    await using bed = await Testbed.create("ttrpc");
    const containerd = await Containerd.start(bed);
    const events = containerd.watchEvents();
    using client = createClient(await connected(containerd.ttrpcAddress));
    const options = { timeoutMs: 5_000, metadata: { "containerd-namespace-ttrpc": "default" } };
    // ctr does not say when it listens: events are sent until it shows one.
    for (const deadline = Date.now() + 20_000; !events.text().includes("ttrpc-probe"); await sleep(50)) {
      assert.ok(Date.now() < deadline, `ctr events shows ${events.text()}`);
      await client.call(forward, started("ttrpc-probe"), options);
    }
    assert.match(events.text(), /default \/tasks\/start \{"container_id":"ttrpc-probe","pid":4711\}/u);
    await assert.rejects(client.call(forward, started("x", "no-slash"), options), { name: "TtrpcError", status: 3 });
    await assert.rejects(client.call({ ...forward, method: "Nothing" }, {}, options), { status: 12 });
    assert.equal(client.isOpen, true);
  });
});

async function connected(path: string) {
  const socket = connect(path);
  await once(socket, "connect");
  return socket;
}
