import { Agent, type AgentOptions, type ClientRequestArgs } from "node:http";
import type { Duplex } from "node:stream";
import { toInclavareError } from "@inclavare/errors";
import { connectEnclaveTls, type EnclaveTlsOptions } from "./connect.ts";

/**
 * An agent for `node:http` whose connections are Enclave-TLS: `http.request({ agent, host, port, path })` sends nothing
 * before the peer has been accepted. Each connection is proven anew.
 */
export class EnclaveTlsAgent extends Agent {
  readonly #options: EnclaveTlsOptions;

  constructor(options: EnclaveTlsOptions, agentOptions: AgentOptions = {}) {
    super(agentOptions);
    this.#options = options;
  }

  override createConnection(
    target: ClientRequestArgs,
    done?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    connectEnclaveTls({ host: target.host ?? "localhost", port: Number(target.port ?? 443) }, this.#options).then(
      (socket) => done?.(null, socket),
      (error: unknown) => done?.(toInclavareError(error), undefined as never),
    );
    return undefined;
  }
}
