/**
 * One end of a streaming Exec or Attach: a WebSocket with the subprotocol `v4.channel.k8s.io`, whose messages begin with the
 * number of their channel. Run as a program, for the server listens in a network namespace of its own: standard input holds
 * what is to be sent, a line of JSON `[channel, text]` each; what comes goes out in the same form.
 */
import { createInterface } from "node:readline";

const [, , url = ""] = process.argv;
const socket = new WebSocket(url.replace(/^http/u, "ws"), ["v4.channel.k8s.io"]);
socket.binaryType = "arraybuffer";
socket.addEventListener("message", ({ data }) => {
  const bytes = Buffer.from(data as ArrayBuffer);
  process.stdout.write(`${JSON.stringify([bytes[0], bytes.subarray(1).toString()])}\n`);
});
socket.addEventListener("close", () => process.exit(0));
socket.addEventListener("error", () => process.exit(1));
socket.addEventListener("open", () => {
  createInterface({ input: process.stdin }).on("line", (line) => {
    const [channel, text] = JSON.parse(line) as [number, string];
    socket.send(Buffer.concat([Buffer.of(channel), Buffer.from(text)]));
  });
});
