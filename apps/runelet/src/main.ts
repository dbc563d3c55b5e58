/** init-runelet: pid 1 of an enclave container. */
import { writeSync } from "node:fs";
import { formatOneLine } from "@inclavare/errors";
import { exitImmediately } from "@inclavare/linux";
import { GuestWorker } from "@inclavare/runtime-wasm";
import { parseArguments } from "./arguments.ts";
import { raiseWalls } from "./fortress.ts";

/** The container's stderr may be gone or full; saying why must never keep pid 1 from ending. */
function sayLastWords(error: unknown): void {
  try {
    writeSync(2, `init-runelet: ${formatOneLine(error)}\n`);
  } catch {
    // nobody listens
  }
}

/** `_exit` and nothing softer: a guest that is stuck in a call must not hold pid 1. */
function die(error: unknown): never {
  sayLastWords(error);
  return exitImmediately(1);
}

process.on("uncaughtException", die);
process.on("unhandledRejection", die);
try {
  const { descriptors, runtime } = parseArguments(process.argv.slice(2));
  raiseWalls(descriptors);
  // It loads its code on a thread of its own while this one loads the rest of ours.
  const firstWorker = runtime === "wasm" ? new GuestWorker() : undefined;
  const { Runelet } = await import("./runelet.ts");
  exitImmediately(await new Runelet(descriptors, firstWorker).run());
} catch (error) {
  die(error);
}
