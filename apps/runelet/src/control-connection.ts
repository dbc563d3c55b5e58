import { closeSync, writeSync } from "node:fs";
import { type JsonValue, toWireError } from "@inclavare/errors";
import { encodeMessage, MessageDecoder, receiveWithDescriptors, setNonBlocking, watchReadable } from "@inclavare/linux";
import type { Stdio } from "./enclave.ts";

/** A process that a stand-in represents: its exit value, and a way to signal it. */
export interface AttachedProcess {
  readonly exited: Promise<number>;
  kill(signal: number): Promise<void>;
}

/** Answers requests; the object returned by `request` is sent with `ok: true`. */
export interface ControlHandler {
  request(message: JsonValue): Promise<ControlAnswer>;
}

export interface ControlAnswer {
  readonly fields?: Readonly<Record<string, JsonValue>>;
  /** Set for an accepted `exec`: the connection now belongs to the stand-in, whose descriptors start the process. */
  readonly attach?: (stdio: Stdio) => Promise<AttachedProcess>;
}

const SIGKILL = 9;
const CHUNK_BYTES = 64 * 1024;
const HANDOVER = "F".charCodeAt(0);

/**
 * One connection on the control socket. It starts with messages, one request and one answer at a time. After an accepted
 * `exec` it changes: the stand-in sends one byte with its three descriptors and a pipe that ends when it does, then a byte
 * for each signal to forward, and gets one byte, the exit value. Whatever goes wrong ends this connection and nothing else.
 */
export class ControlConnection {
  readonly #descriptor: number;
  readonly #handler: ControlHandler;
  readonly #onClose: () => void;
  readonly #decoder = new MessageDecoder();
  readonly #watch: { close(): void };
  #queue: Promise<void> = Promise.resolve();
  #attach: ControlAnswer["attach"];
  #process: AttachedProcess | undefined;
  #life: { close(): void } | undefined;
  #closed = false;

  constructor(descriptor: number, handler: ControlHandler, onClose: () => void) {
    this.#descriptor = descriptor;
    this.#handler = handler;
    this.#onClose = onClose;
    setNonBlocking(descriptor, true);
    this.#watch = watchReadable(descriptor, () => this.#readAll());
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.close();
    this.#life?.close();
    closeSync(this.#descriptor);
    this.#process?.kill(SIGKILL).catch(() => undefined);
    this.#onClose();
  }

  #readAll(): void {
    try {
      while (!this.#closed) {
        const received = receiveWithDescriptors(this.#descriptor, { maxBytes: CHUNK_BYTES, maxDescriptors: 4 });
        if (received === undefined) return;
        if (received.data.length === 0) return this.close();
        this.#take(received.data, received.descriptors);
      }
    } catch {
      this.close(); // a reset, or a message that breaks the protocol: nothing that an answer could help
    }
  }

  #take(data: Uint8Array, descriptors: readonly number[]): void {
    if (this.#process !== undefined) return this.#forward(data);
    if (this.#attach !== undefined) return this.#startAttached(data, descriptors);
    for (const descriptor of descriptors) closeSync(descriptor);
    for (const message of this.#decoder.push(Buffer.from(data))) {
      this.#queue = this.#queue.then(async () => await this.#answer(message));
    }
  }

  async #answer(message: JsonValue): Promise<void> {
    try {
      const { fields = {}, attach } = await this.#handler.request(message);
      this.#attach = attach;
      this.#send(encodeMessage({ ok: true, ...fields }));
    } catch (error) {
      this.#send(encodeMessage({ ok: false, error: { ...toWireError(error) } }));
    }
  }

  #startAttached(data: Uint8Array, descriptors: readonly number[]): void {
    const [stdin, stdout, stderr, life] = descriptors;
    const attach = this.#attach;
    if (
      data[0] !== HANDOVER ||
      attach === undefined ||
      stdin === undefined ||
      stdout === undefined ||
      stderr === undefined ||
      life === undefined
    ) {
      for (const descriptor of descriptors) closeSync(descriptor);
      return this.close();
    }
    // The other end of this connection is not the stand-in's alone: runc has it as long as it waits for the stand-in.
    this.#life = watchReadable(life, () => this.close());
    const pending: number[] = [...data.subarray(1)];
    // Signals that arrive while the process is being made are kept for it.
    this.#process = { exited: Promise.resolve(0), kill: async (signal) => void pending.push(signal) };
    void attach({ stdin, stdout, stderr })
      .then(async (process) => {
        this.#process = process;
        if (this.#closed) await process.kill(SIGKILL);
        for (const signal of pending) await process.kill(signal).catch(() => undefined);
        return await process.exited;
      })
      .catch((error: unknown) => {
        writeLine(stderr, `rune: ${toWireError(error).message} (${toWireError(error).code})`);
        return 126;
      })
      .then((value) => this.#finish(value, descriptors));
  }

  #finish(value: number, descriptors: readonly number[]): void {
    this.#life?.close();
    this.#life = undefined;
    for (const descriptor of descriptors) closeSync(descriptor);
    this.#process = undefined;
    this.#attach = undefined;
    this.#send(Uint8Array.of(value & 255));
    this.close();
  }

  #forward(signals: Uint8Array): void {
    for (const signal of signals) this.#process?.kill(signal).catch(() => undefined);
  }

  /** Answers are small and the peer reads them at once; a peer that does not is dropped. */
  #send(bytes: Uint8Array): void {
    if (this.#closed) return;
    try {
      if (writeSync(this.#descriptor, bytes) !== bytes.length) this.close();
    } catch {
      this.close();
    }
  }
}

function writeLine(descriptor: number, text: string): void {
  try {
    writeSync(descriptor, `${text}\n`);
  } catch {
    // The stand-in's stderr may be gone or full; the exit value still tells that it failed.
  }
}
