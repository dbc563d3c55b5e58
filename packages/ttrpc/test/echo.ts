import { duplexPair } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type CallContext,
  type Client,
  createClient,
  createServer,
  message,
  type RemoteMethod,
  type Server,
  type ServerOptions,
  text,
  TtrpcError,
  uint32,
  unary,
} from "../src/index.ts";

/** The one message of the tests' service. */
export const note = message({ text: text(1), delayMs: uint32(2) });
type Note = { readonly text: string; readonly delayMs: number };

export const METHODS = {
  /** Answers its request, after the delay that it asks for. */
  Echo: async (request: Note, { signal }: CallContext): Promise<Note> => {
    if (request.delayMs > 0) await sleep(request.delayMs, undefined, { signal });
    return request;
  },
  /** Answers as many bytes as the number says. */
  Produce: ({ delayMs }: Note): Note => ({ text: "x".repeat(delayMs), delayMs: 0 }),
  /** Throws what the text names. */
  Fail: ({ text: kind }: Note): Note => {
    if (kind === "ttrpc") throw new TtrpcError(9, "not now", { details: [new Uint8Array([10, 1, 97])] });
    if (kind === "error") throw new RangeError("boom");
    throw kind as unknown as Error;
  },
  /** Never answers, whatever happens. */
  Hang: (): Promise<Note> => new Promise(() => undefined),
};

const SERVICE = "test.v1.Notes";

export function remote(method: string): RemoteMethod<Partial<Note>, Note> {
  return { service: SERVICE, method, request: note, response: note };
}

export interface Pair extends AsyncDisposable {
  readonly client: Client;
  readonly server: Server;
}

/** A server of {@link METHODS} and a client of it. */
export function createPair(options: Partial<ServerOptions> = {}): Pair {
  const [near, far] = duplexPair();
  const services = {
    [SERVICE]: Object.fromEntries(
      Object.entries(METHODS).map(([name, handle]) => [name, unary<Note, Note>(note, note, handle)] as const),
    ),
  };
  const server = createServer({ services, ...options });
  server.serve(far);
  const client = createClient(near);
  return {
    client,
    server,
    async [Symbol.asyncDispose]() {
      client.close();
      await server.close({ deadlineMs: 0 });
    },
  };
}
