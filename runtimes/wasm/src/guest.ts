/**
 * Runs one guest process: the file that a worker is started with. A guest blocks its thread for as long as it likes,
 * so each has one of its own, and the thread that serves the container is never blocked.
 */
import { parentPort, workerData } from "node:worker_threads";
import { prepareGuest } from "./guest/run.ts";
import type { GuestMessage, GuestStart } from "./protocol.ts";

function say(message: GuestMessage): void {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a worker's port, no window
  parentPort?.postMessage(message);
}

const guest = prepareGuest(workerData as GuestStart);
parentPort?.once("message", () => {
  say({ type: "ended", outcome: guest.run() });
});
say({ type: "ready" });
