/** One request to aesmd: a length (u32, little-endian) and a message, and back the same. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { InclavareError, isInclavareError } from "@inclavare/errors";

const HEADER_BYTES = 4;
const MOST_ANSWER_BYTES = 1 << 20;

/**
 * @param deadlineMs for connecting, asking and the answer.
 * @throws InclavareError ERR_AESM_UNREACHABLE, ERR_AESM_PROTOCOL, ERR_DEADLINE
 */
export async function askAesm(socketPath: string, request: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(deadlineMs);
  const socket = connect({ path: socketPath });
  // What goes wrong later than anybody waits for it is nobody's business.
  socket.on("error", () => undefined);
  try {
    await once(socket, "connect", { signal });
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(request.length);
    socket.write(Buffer.concat([header, request]));
    return await readAnswer(socket, signal);
  } catch (cause) {
    if (isInclavareError(cause)) throw cause;
    if (signal.aborted) throw new InclavareError("ERR_DEADLINE", `aesmd did not answer within ${deadlineMs} ms`);
    throw new InclavareError("ERR_AESM_UNREACHABLE", `aesmd does not answer at ${socketPath}`, { cause });
  } finally {
    socket.destroy();
  }
}

async function readAnswer(socket: Socket, signal: AbortSignal): Promise<Uint8Array> {
  const stop = (): void => void socket.destroy(new Error("the deadline has passed"));
  signal.addEventListener("abort", stop);
  try {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      size += chunk.length;
      const answer = complete(chunks, size);
      if (answer !== undefined) return answer;
    }
    throw new InclavareError("ERR_AESM_PROTOCOL", `aesmd ended the connection after ${size} bytes of its answer`);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function complete(chunks: readonly Buffer[], size: number): Uint8Array | undefined {
  if (size < HEADER_BYTES) return undefined;
  const all = Buffer.concat(chunks, size);
  const expected = all.readUInt32LE();
  if (expected > MOST_ANSWER_BYTES) {
    throw new InclavareError(
      "ERR_AESM_PROTOCOL",
      `aesmd announces ${expected} bytes, at most ${MOST_ANSWER_BYTES} are taken`,
    );
  }
  if (size < HEADER_BYTES + expected) return undefined;
  if (size === HEADER_BYTES + expected) return Uint8Array.from(all.subarray(HEADER_BYTES));
  throw new InclavareError("ERR_AESM_PROTOCOL", "aesmd sent more than its answer");
}
