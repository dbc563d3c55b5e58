import { closeSync, fchownSync, openSync } from "node:fs";
import type { Socket } from "node:net";
import { closeQuietly, createPipe } from "@inclavare/linux";
import type { IoContext, ProcessIo, StdioRequest } from "./io.ts";
import { type InputFifo, openInputFifo, openOutputFifo, socketOf } from "./fifo.ts";
import { copyInput, copyOutput } from "./streams.ts";

const PIPE_BYTES = 64 << 10;

/**
 * Pipes between the process and the client's FIFOs. Real pipes, because a process may open its `/dev/stdout` anew; not the
 * FIFOs themselves, because those break when their client goes away.
 */
export function createPipeIo(request: StdioRequest, { owner }: IoContext): ProcessIo {
  const open = new Resources();
  try {
    const input = request.stdin === "" ? undefined : open.addInput(openInputFifo(request.stdin));
    const stdin = open.addChild(input === undefined ? undefined : createPipe(PIPE_BYTES), "readEnd");
    const outputs = [request.stdout, request.stderr].map((path) => {
      const fifo = path === "" ? undefined : open.addStream(openOutputFifo(path));
      return { fifo, ...open.addChild(fifo === undefined ? undefined : createPipe(PIPE_BYTES), "writeEnd") };
    });
    const descriptors = [stdin.child, outputs[0]?.child ?? 0, outputs[1]?.child ?? 0] as const;
    if (owner.uid !== 0 || owner.gid !== 0) open.giveTo(owner);
    const copied = Promise.withResolvers<void>();
    return {
      descriptors,
      consoleSocket: undefined,
      copied: copied.promise,
      start() {
        open.closeChildEnds();
        if (input !== undefined && stdin.own !== undefined)
          copyInput(input, open.addStream(open.take(stdin.own, "write")));
        const copies = outputs.map(async ({ fifo, own }) => {
          if (fifo !== undefined && own !== undefined) await copyOutput(open.addStream(open.take(own, "read")), fifo);
        });
        void Promise.all(copies).then(() => copied.resolve());
      },
      closeStdin: () => input?.release(),
      resize: () => undefined,
      async close() {
        open.close();
        copied.resolve();
      },
    };
  } catch (error) {
    open.close();
    throw error;
  }
}

/** Everything that is open, so that one call closes it. */
class Resources {
  readonly #children: { readonly descriptor: number; readonly isPipe: boolean }[] = [];
  readonly #own = new Set<number>();
  readonly #streams: Socket[] = [];
  #input: InputFifo | undefined;

  addInput(input: InputFifo): InputFifo {
    this.#input = input;
    this.addStream(input.stream);
    return input;
  }

  addStream(stream: Socket): Socket {
    stream.on("error", () => undefined);
    this.#streams.push(stream);
    return stream;
  }

  /** The process's end of a pipe and ours; without a pipe the null device. */
  addChild(
    pipe: ReturnType<typeof createPipe> | undefined,
    end: "readEnd" | "writeEnd",
  ): { child: number; own?: number } {
    if (pipe === undefined) {
      const child = openSync("/dev/null", "r+");
      this.#children.push({ descriptor: child, isPipe: false });
      return { child };
    }
    const [child, own] = end === "readEnd" ? [pipe.readEnd, pipe.writeEnd] : [pipe.writeEnd, pipe.readEnd];
    this.#children.push({ descriptor: child, isPipe: true });
    this.#own.add(own);
    return { child, own };
  }

  giveTo({ uid, gid }: IoContext["owner"]): void {
    for (const { descriptor, isPipe } of this.#children) if (isPipe) fchownSync(descriptor, uid, gid);
  }

  /** Our end becomes a stream. */
  take(own: number, use: "read" | "write"): Socket {
    this.#own.delete(own);
    return socketOf(own, use);
  }

  /** Once the process has its copies: only then does its end become ours to see. */
  closeChildEnds(): void {
    for (const { descriptor } of this.#children.splice(0)) closeSync(descriptor);
  }

  close(): void {
    closeQuietly([...this.#children.splice(0).map(({ descriptor }) => descriptor), ...this.#own]);
    this.#own.clear();
    this.#input?.release();
    for (const stream of this.#streams) stream.destroy();
  }
}
