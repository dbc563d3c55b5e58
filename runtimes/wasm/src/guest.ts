/**
 * Runs one guest process: the file that a worker is started with. A guest blocks its thread for as long as it likes,
 * so each has one of its own, and the thread that serves the container is never blocked.
 */
import { parentPort } from "node:worker_threads";
import { type Guest, prepareGuest } from "./guest/run.ts";
import type { GuestMessage, HostMessage } from "./protocol.ts";

function say(message: GuestMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port, no window
  parentPort?.postMessage(message);
}

let guest: Guest | undefined;
parentPort?.on("message", (message: HostMessage) => {
  if (message.type === "prepare") {
    guest = prepareGuest(message.start);
    say({ type: "ready" });
  } else if (guest !== undefined) {
    say({ type: "ended", outcome: guest.run() });
  }
});
say({ type: "booted" });
