import { Agent, type AgentOptions, type RequestOptions } from "node:https";
import type { Duplex } from "node:stream";
import { toInclavareError } from "@inclavare/errors";
import { connectEnclaveTls, type EnclaveTlsOptions } from "./connect.ts";

/** What of an agent's settings has a meaning here: which peer is let in is for {@link EnclaveTlsOptions} alone to say. */
export type EnclaveTlsAgentOptions = Pick<
  AgentOptions,
  "keepAlive" | "keepAliveMsecs" | "maxSockets" | "maxTotalSockets" | "maxFreeSockets" | "scheduling" | "timeout"
>;

/**
 * An agent for `node:https` whose connections are Enclave-TLS: `https.request({ agent, host, port, path })` sends nothing
 * before the peer has been accepted. Each connection is proven anew: the cache in which Node keeps TLS sessions to resume
 * them is off, and none is read. TLS options of a single request, such as `rejectUnauthorized`, change nothing.
 */
export class EnclaveTlsAgent extends Agent {
  readonly #options: EnclaveTlsOptions;

  constructor(options: EnclaveTlsOptions, agentOptions: EnclaveTlsAgentOptions = {}) {
    super({ ...agentOptions, maxCachedSessions: 0 });
    this.#options = options;
  }

  override createConnection(
    target: RequestOptions,
    done?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    connectEnclaveTls({ host: target.host ?? "localhost", port: Number(target.port ?? 443) }, this.#options).then(
      (socket) => done?.(null, socket),
      (error: unknown) => done?.(toInclavareError(error), undefined as never),
    );
    return undefined;
  }
}
