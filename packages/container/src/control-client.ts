import { closeSync } from "node:fs";
import { Socket } from "node:net";
import { InclavareError, isInclavareError, type JsonValue } from "@inclavare/errors";
import {
  connectUnix,
  encodeMessage,
  type JsonObject,
  MessageDecoder,
  parseAnswer,
  requestSync,
  writeMessageSync,
} from "@inclavare/linux";
import { type ControlRequest, encodeControlRequest } from "./control.ts";

const CONNECT_DEADLINE_MS = 2_000;

export interface ControlOptions {
  readonly timeoutMs: number;
  /** Aborted when waiting has become pointless, because the container has ended. */
  readonly signal?: AbortSignal;
}

/**
 * Sends one request to init-runelet and waits for the answer.
 * @param path the control socket's path on the host.
 * @throws init-runelet's own error; ERR_RUNELET_ENDED when nobody listens or the connection ends; ERR_DEADLINE.
 */
export async function requestControl(
  path: string,
  request: ControlRequest,
  options: ControlOptions,
): Promise<JsonObject> {
  const socket = new Socket({ fd: connect(path) });
  socket.on("error", () => undefined); // the end of the stream says it too
  try {
    socket.write(encodeMessage(encodeControlRequest(request)));
    return parseAnswer(await readAnswer(socket, request.op, options));
  } finally {
    socket.destroy();
  }
}

/** Leaves a request for init-runelet and waits for nothing: it is read when init-runelet can. @throws ERR_RUNELET_ENDED */
export function sendControl(path: string, request: ControlRequest): void {
  const descriptor = connect(path);
  try {
    writeMessageSync(descriptor, encodeControlRequest(request));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Asks init-runelet to accept a stand-in.
 * @returns a blocking descriptor, from which not a byte too many was read: the stand-in goes on with it.
 * @throws as {@link requestControl}
 */
export function requestExec(path: string, request: ControlRequest & { op: "exec" }, timeoutMs: number): number {
  const descriptor = connect(path);
  try {
    requestSync(descriptor, encodeControlRequest(request), { timeoutMs });
    return descriptor;
  } catch (error) {
    closeSync(descriptor);
    if (isInclavareError(error) && error.code !== "ERR_PEER_CLOSED") throw error;
    throw new InclavareError("ERR_RUNELET_ENDED", "init-runelet ended before it had answered", { cause: error });
  }
}

function connect(path: string): number {
  try {
    return connectUnix(path, { timeoutMs: CONNECT_DEADLINE_MS });
  } catch (cause) {
    throw new InclavareError("ERR_RUNELET_ENDED", "init-runelet does not listen: the container has ended", { cause });
  }
}

async function readAnswer(socket: Socket, op: string, { timeoutMs, signal }: ControlOptions): Promise<JsonValue> {
  const decoder = new MessageDecoder();
  const deadline = AbortSignal.timeout(timeoutMs);
  const stop = signal === undefined ? deadline : AbortSignal.any([deadline, signal]);
  const answer = Promise.withResolvers<JsonValue>();
  const ended = (): void =>
    answer.reject(new InclavareError("ERR_RUNELET_ENDED", `init-runelet ended before it had answered "${op}"`));
  socket.on("data", (chunk: Buffer) => {
    try {
      const [message] = decoder.push(chunk);
      if (message !== undefined) answer.resolve(message);
    } catch (error) {
      answer.reject(error);
    }
  });
  socket.on("close", ended);
  const giveUp = (): void => {
    if (!deadline.aborted) return ended();
    const text = `init-runelet did not answer "${op}" within ${timeoutMs / 1000} s`;
    return answer.reject(new InclavareError("ERR_DEADLINE", text));
  };
  if (stop.aborted) giveUp();
  else stop.addEventListener("abort", giveUp, { once: true });
  return await answer.promise;
}
