import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { ReadStream } from "node:tty";
import { acceptUnix, closeQuietly, listenUnix, receiveWithDescriptors, waitReadable } from "@inclavare/linux";

const DEADLINE_MS = 5_000;

/** What is in a caller's place at the other end of a container's terminal. */
export class Terminal implements Disposable {
  readonly #descriptor: number;
  readonly #stream: ReadStream;

  private constructor(descriptor: number) {
    const stream = new ReadStream(descriptor);
    this.#descriptor = descriptor;
    this.#stream = stream;
    stream.on("error", () => undefined); // EIO when the container has closed it
  }

  /** Listens where a runtime brings a terminal. `received` takes it, once the runtime has been called. */
  static listen(path: string): { received(): Terminal } {
    const listener = listenUnix(path, { mode: 0o600 });
    return {
      received() {
        waitReadable(listener, DEADLINE_MS, "the terminal");
        const connection = acceptUnix(listener) ?? assert.fail("nobody brought a terminal");
        waitReadable(connection, DEADLINE_MS, "the terminal");
        const received = receiveWithDescriptors(connection, { maxBytes: 4096, maxDescriptors: 1 });
        closeQuietly([connection, listener]);
        return new Terminal(received?.descriptors[0] ?? assert.fail("no descriptor came"));
      },
    };
  }

  /** The next that the application writes. */
  async read(): Promise<string> {
    const [chunk] = (await once(this.#stream, "data", { signal: AbortSignal.timeout(DEADLINE_MS) })) as [Buffer];
    return chunk.toString();
  }

  /** Keys pressed. */
  press(keys: string): void {
    // tty.ReadStream is a socket: what it is typed as reads only, what it is writes as well.
    (this.#stream as unknown as { write(text: string): void }).write(keys);
  }

  /** Reads until what the application has written matches. @returns all of it */
  async readUntil(expected: RegExp): Promise<string> {
    let seen = "";
    while (!expected.test(seen)) seen += await this.read();
    return seen;
  }

  /** A window of another size. */
  resize(rows: number, columns: number): void {
    const stdio = [this.#descriptor, "inherit", "inherit"] as const;
    execFileSync("stty", ["rows", String(rows), "cols", String(columns)], { stdio: [...stdio] });
  }

  [Symbol.dispose](): void {
    this.#stream.destroy();
  }
}
