import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type Client, createClient, STATUS, TtrpcError } from "@inclavare/ttrpc";
import type { Log } from "../daemon/log.ts";
import { toTimestamp } from "../messages/common.ts";
import { type EventName, type EventOf, EVENTS, FORWARD, TOPICS } from "../messages/events.ts";

const CALL_MS = 5_000;
const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 5_000;
/** While containerd is away; what tells of an end is dropped last. */
const MAX_QUEUED = 4096;
const TELL_OF_AN_END: readonly EventName[] = ["TaskExit", "TaskDelete"];

export interface PublisherOptions {
  /** Path of containerd's ttrpc socket; empty: nobody wants events. */
  readonly address: string;
  readonly namespace: string;
  readonly log: Log;
  readonly now: () => Date;
  /** Told of every event as it is published, whether anybody wants it or not. */
  readonly published?: (name: EventName, event: object) => void;
}

interface Queued {
  readonly name: EventName;
  readonly topic: string;
  readonly at: Date;
  readonly value: Uint8Array;
}

/**
 * Sends events to containerd: in order, one after the other, each until containerd has taken it. Nothing overtakes, and nothing that
 * was acknowledged is sent again.
 */
export class EventPublisher {
  readonly #options: PublisherOptions;
  readonly #queue: Queued[] = [];
  #client: Client | undefined;
  #pumping: Promise<void> | undefined;
  readonly #stop = new AbortController();

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  publish<N extends EventName>(name: N, event: Partial<EventOf<N>>): void {
    this.#options.published?.(name, event);
    if (this.#options.address === "") return;
    if (this.#queue.length >= MAX_QUEUED) this.#makeRoom();
    const codec = EVENTS[name] as { encode(value: Partial<EventOf<N>>): Uint8Array };
    this.#queue.push({ name, topic: TOPICS[name], at: this.#options.now(), value: codec.encode(event) });
    this.#pumping ??= this.#pump().finally(() => (this.#pumping = undefined));
  }

  /** Waits until everything is sent, for so long at most, and ends the connection. */
  async close(deadlineMs: number): Promise<void> {
    const timer = setTimeout(() => this.#stop.abort(), deadlineMs);
    await this.#pumping;
    clearTimeout(timer);
    this.#client?.close();
  }

  async #pump(): Promise<void> {
    for (let delayMs = FIRST_DELAY_MS; ;) {
      const next = this.#queue[0];
      if (next === undefined || this.#stop.signal.aborted) return;
      try {
        await this.#send(next);
        if (this.#queue[0] === next) this.#queue.shift();
        delayMs = FIRST_DELAY_MS;
      } catch (error) {
        if (isRefusal(error)) {
          this.#options.log.write("error", `containerd refuses an event: ${String(error)}`, { topic: next.topic });
          if (this.#queue[0] === next) this.#queue.shift();
          continue;
        }
        await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
        delayMs = Math.min(2 * delayMs, MAX_DELAY_MS);
      }
    }
  }

  async #send({ name, topic, at, value }: Queued): Promise<void> {
    const { namespace, address } = this.#options;
    if (this.#client?.isOpen !== true) this.#client = createClient(await dial(address));
    const event = { typeUrl: `containerd.events.${name}`, value };
    await this.#client.call(
      FORWARD,
      { envelope: { timestamp: toTimestamp(at), namespace, topic, event } },
      { timeoutMs: CALL_MS, metadata: { "containerd-namespace-ttrpc": namespace }, signal: this.#stop.signal },
    );
  }

  #makeRoom(): void {
    // The first one may be on its way.
    const index = this.#queue.findIndex(({ name }, at) => at > 0 && !TELL_OF_AN_END.includes(name));
    const [dropped] = this.#queue.splice(Math.max(index, 1), 1);
    this.#options.log.write("error", "too many events wait for containerd, one is dropped", {
      topic: dropped?.topic ?? "",
    });
  }
}

/** What sending again cannot change. */
function isRefusal(error: unknown): boolean {
  return error instanceof TtrpcError && error.status === STATUS.invalidArgument;
}

async function dial(address: string) {
  const socket = connect(address.replace(/^unix:\/\//u, ""));
  const timer = setTimeout(() => socket.destroy(new Error("containerd did not answer")), CALL_MS);
  try {
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve);
      socket.once("error", reject);
    });
    return socket;
  } finally {
    clearTimeout(timer);
  }
}
