import type { Duplex } from "node:stream";
import { InclavareError, isInclavareError, type JsonValue } from "@inclavare/errors";
import { encodeMessage, type JsonObject, MessageDecoder, parseAnswer } from "@inclavare/linux";
import type { Attester, EnclaveIdentity, Evidence, Tee } from "../evidence.ts";
import {
  claimsEvidenceRequest,
  evidenceRequest,
  identityRequest,
  parseEvidenceAnswer,
  parseLaunchAnswer,
} from "./protocol.ts";

/** Making a quote takes a few milliseconds; a loaded node may take its time. */
const DEFAULT_TIMEOUT_MS = 10_000;
const MOST_ANSWER_BYTES = 1 << 20;
const MOST_WAITING = 256;

export interface SimulatedAttesterOptions {
  /** For one answer, counted from its request. Left out: 10 seconds. */
  readonly timeoutMs?: number;
}

/**
 * The evidence of one container of a simulated platform, from attesterd.
 * @param stream the container's own connection, launched already; this takes it over, and destroys it when an answer
 *   is late or broken, since no later answer could be told from it.
 * The methods reject with ERR_DEADLINE, ERR_ATTESTERD_UNREACHABLE (connection ended), ERR_ATTESTERD_PROTOCOL, ERR_MESSAGE
 * or attesterd's own error.
 */
export function createSimulatedAttester(stream: Duplex, options: SimulatedAttesterOptions = {}): ContainerAttester {
  return new SimulatedAttester(stream, options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
}

/** The attester of one container, by its own connection to attesterd. */
export interface ContainerAttester extends Attester {
  /**
   * Evidence over a claims buffer that attesterd sees whole. On a simulated platform that is `evidence` over its hash; in a
   * guest TEE it is the only way, and the claims name the container (`encodeContainerClaim` of its identity).
   */
  evidenceOver(claims: Uint8Array): Promise<Evidence>;
}

interface Waiting {
  readonly resolve: (answer: JsonValue) => void;
  readonly reject: (error: InclavareError) => void;
  readonly timer: NodeJS.Timeout;
}

class SimulatedAttester implements ContainerAttester {
  readonly tee: Tee = "simulated";
  readonly #stream: Duplex;
  readonly #timeoutMs: number;
  readonly #decoder = new MessageDecoder(MOST_ANSWER_BYTES);
  readonly #waiting: Waiting[] = [];
  #failure: InclavareError | undefined;

  constructor(stream: Duplex, timeoutMs: number) {
    this.#stream = stream;
    this.#timeoutMs = timeoutMs;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("error", (cause) => this.#fail(unreachable("the connection to attesterd failed", cause)));
    stream.on("close", () => this.#fail(unreachable("attesterd closed the connection")));
    stream.on("end", () => this.#fail(unreachable("attesterd ended the connection")));
  }

  async identity(): Promise<EnclaveIdentity> {
    return parseLaunchAnswer(await this.#ask(identityRequest()));
  }

  async evidence(reportData: Uint8Array): Promise<Evidence> {
    return parseEvidenceAnswer(await this.#ask(evidenceRequest(reportData)));
  }

  async evidenceOver(claims: Uint8Array): Promise<Evidence> {
    return parseEvidenceAnswer(await this.#ask(claimsEvidenceRequest(claims)));
  }

  async #ask(request: JsonObject): Promise<JsonObject> {
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#waiting.length >= MOST_WAITING) {
      throw new InclavareError("ERR_ATTESTERD_UNREACHABLE", `${MOST_WAITING} requests wait for attesterd already`);
    }
    const answer = await new Promise<JsonValue>((resolve, reject) => {
      const late = (): void => {
        this.#fail(new InclavareError("ERR_DEADLINE", `attesterd did not answer within ${this.#timeoutMs} ms`));
      };
      this.#waiting.push({ resolve, reject, timer: setTimeout(late, this.#timeoutMs) });
      this.#stream.write(encodeMessage(request));
    });
    return parseAnswer(answer);
  }

  #receive(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    try {
      for (const answer of this.#decoder.push(chunk)) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) {
          throw new InclavareError("ERR_ATTESTERD_PROTOCOL", "attesterd sent an answer that nobody asked for");
        }
        clearTimeout(waiting.timer);
        waiting.resolve(answer);
      }
    } catch (error) {
      this.#fail(isInclavareError(error) ? error : unreachable("the connection to attesterd failed", error));
    }
  }

  #fail(error: InclavareError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#stream.destroy();
    for (const { reject, timer } of this.#waiting.splice(0)) {
      clearTimeout(timer);
      reject(error);
    }
  }
}

function unreachable(message: string, cause?: unknown): InclavareError {
  return new InclavareError("ERR_ATTESTERD_UNREACHABLE", message, { cause });
}
