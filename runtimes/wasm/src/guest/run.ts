import { fillRandom } from "@inclavare/linux";
import { FileSystem } from "../fs/file-system.ts";
import { Quota } from "../fs/content.ts";
import { populate } from "../fs/populate.ts";
import type { GuestStart, Outcome } from "../protocol.ts";
import { RIGHT, WASI_MODULE } from "../wasi/abi.ts";
import { DescriptorTable } from "../wasi/descriptor.ts";
import type { Clocks, Host, HostStream, Waiter } from "../wasi/host.ts";
import { createImports } from "../wasi/imports.ts";
import { GuestMemory } from "../wasi/memory.ts";
import { DIRECTORY_RIGHTS, INHERITING_RIGHTS, STREAM_RIGHTS } from "../wasi/rights.ts";
import { openStream } from "./stdio.ts";
import { describeTrap } from "./trap.ts";
import { createUnwinder } from "./unwind.ts";
import { createWaiter, Killed } from "./waiter.ts";

/** A guest process that is ready to run. */
export interface Guest {
  /** Runs it to its end, on this thread. */
  run(): Outcome;
}

/** Thrown through the host function by which the guest ends itself. */
class Exit extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super("exit");
    this.outcome = outcome;
  }
}

/** Builds the file system, the standard streams and the host functions of one process. */
export function prepareGuest(start: GuestStart): Guest {
  const waiter = createWaiter(start);
  const stderr = openStream(start.stdio.stderr, "write", waiter);
  const host = createHost(start, waiter, stderr);
  return {
    run() {
      const outcome = execute(start.module, host);
      if (outcome.kind === "trapped") report(`${start.program}: trap: ${outcome.reason}\n`, stderr);
      return outcome;
    },
  };
}

function createHost(start: GuestStart, waiter: Waiter, stderr: HostStream): Host {
  const memory = new GuestMemory();
  const clocks = createClocks();
  const quota = new Quota(() => Math.max(0, start.memoryLimitBytes - memory.sizeBytes));
  const fileSystem = new FileSystem({ now: () => clocks.realtime(), quota });
  populate(fileSystem, start);
  const descriptors = new DescriptorTable(fileSystem);
  const stdin = openStream(start.stdio.stdin, "read", waiter);
  const stdout = openStream(start.stdio.stdout, "write", waiter);
  addStream(descriptors, stdin, RIGHT.FD_READ);
  addStream(descriptors, stdout, RIGHT.FD_WRITE);
  addStream(descriptors, stderr, RIGHT.FD_WRITE);
  descriptors.add({
    kind: "directory",
    node: fileSystem.root,
    preopenName: "/",
    rights: DIRECTORY_RIGHTS,
    inheriting: INHERITING_RIGHTS,
    flags: 0,
  });
  return {
    memory,
    args: start.args,
    env: start.env,
    fileSystem,
    descriptors,
    clocks,
    waiter,
    random: fillRandom,
    exit(end) {
      throw new Exit("code" in end ? { kind: "exited", code: end.code } : { kind: "signalled", signal: end.signal });
    },
  };
}

function addStream(descriptors: DescriptorTable, stream: HostStream, right: number): void {
  // A libc takes a character device without seek and tell for a terminal, which /dev/null is not.
  const seek = stream.type === "character-device" ? RIGHT.FD_SEEK | RIGHT.FD_TELL : 0;
  descriptors.add({ kind: "stream", stream, rights: STREAM_RIGHTS | right | seek, inheriting: 0, flags: 0 });
}

function createClocks(): Clocks {
  return {
    realtime: () => BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n,
    monotonic: () => process.hrtime.bigint(),
    cpu() {
      const { user, system } = process.threadCpuUsage();
      return BigInt(Math.round(user + system)) * 1000n;
    },
  };
}

function execute(module: WebAssembly.Module, host: Host): Outcome {
  const unwind = createUnwinder();
  let ended: Outcome | undefined;
  const imports = createImports(host, {
    onThrow(thrown, name) {
      ended = endOf(thrown, name);
      return unwind();
    },
  });
  try {
    const { exports } = new WebAssembly.Instance(module, { [WASI_MODULE]: imports });
    host.memory.attach(exports["memory"] as WebAssembly.Memory);
    (exports["_start"] as () => void)();
    return ended ?? { kind: "exited", code: 0 };
  } catch (thrown) {
    return ended ?? { kind: "trapped", reason: describeTrap(thrown) };
  }
}

function endOf(thrown: unknown, name: string): Outcome {
  if (thrown instanceof Exit) return thrown.outcome;
  if (thrown instanceof Killed) return { kind: "signalled", signal: thrown.signal };
  // A guest that declares another signature than the specification's ends here, and so does a fault of the host.
  return { kind: "trapped", reason: `host function ${name} failed: ${describeTrap(thrown)}` };
}

/** Tells why on the process's own stderr; where that is full or closed the reason still reaches the caller. */
function report(line: string, stderr: HostStream): void {
  try {
    stderr.write(new TextEncoder().encode(line), { wait: false });
  } catch {
    // Nobody reads it.
  }
}
