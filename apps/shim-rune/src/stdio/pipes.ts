import { closeSync, fchownSync, openSync } from "node:fs";
import { createPipe, setNonBlocking } from "@inclavare/linux";
import { Ends } from "./ends.ts";
import { openInputFifo, openOutputFifo } from "./fifo.ts";
import type { IoContext, ProcessIo, StdioRequest } from "./io.ts";

const PIPE_BYTES = 64 << 10;

/**
 * Pipes between the process and the client's FIFOs. Real pipes, because a process may open its `/dev/stdout` anew; not the
 * FIFOs themselves, because those break when their client goes away.
 */
export function createPipeIo(request: StdioRequest, { owner }: IoContext): ProcessIo {
  const ends = new Ends();
  const children: number[] = [];
  const closeChildren = (): void => {
    for (const descriptor of children.splice(0)) closeSync(descriptor);
  };
  const nothing = (): number => {
    const descriptor = openSync("/dev/null", "r+");
    children.push(descriptor);
    return descriptor;
  };
  /** @returns the process's end */
  const pipe = (own: "inTarget" | "outSource" | "errSource"): number => {
    const { readEnd, writeEnd } = createPipe(PIPE_BYTES);
    const [child, ours] = own === "inTarget" ? [readEnd, writeEnd] : [writeEnd, readEnd];
    children.push(child);
    setNonBlocking(ends.add(own, ours), true);
    if (owner.uid !== 0 || owner.gid !== 0) fchownSync(child, owner.uid, owner.gid);
    return child;
  };
  const output = (path: string, name: "out" | "err"): number => {
    if (path === "") return nothing();
    ends.add(`${name}Target`, openOutputFifo(path));
    return pipe(`${name}Source`);
  };
  try {
    if (request.stdin !== "") openInputFifo(request.stdin, ends);
    const descriptors = [
      request.stdin === "" ? nothing() : pipe("inTarget"),
      output(request.stdout, "out"),
      output(request.stderr, "err"),
    ] as const;
    return {
      descriptors,
      consoleSocket: undefined,
      copied: ends.copied,
      start() {
        closeChildren();
        ends.start();
      },
      closeStdin: () => ends.close("inHolder"),
      resize: () => undefined,
      async close() {
        closeChildren();
        ends.closeAll();
      },
    };
  } catch (error) {
    closeChildren();
    ends.closeAll();
    throw error;
  }
}
