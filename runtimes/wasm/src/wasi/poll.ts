import { Errno, errnoNumber, type ErrnoName } from "../errno.ts";
import { CLOCK, EVENT, EVENT_HANGUP, RIGHT, SIZE, SUBSCRIPTION_CLOCK_ABSTIME } from "./abi.ts";
import { readClock } from "./clock.ts";
import type { Host, HostFunction, Interest, Readiness } from "./host.ts";

/** As many as a guest may wait for at a time: twice what it can have open, and as much again for clocks. */
const MAX_SUBSCRIPTIONS = 4096;

interface Event {
  readonly userdata: bigint;
  readonly type: number;
  readonly errno: ErrnoName;
  readonly sizeBytes?: number;
  readonly hangup?: boolean;
}

/** A clock subscription: what happens when it is due, and how long that still is. */
interface Timer {
  readonly event: Event;
  readonly remainingNs: () => bigint;
}

/** A stream subscription that is left to poll(2). */
interface Watch {
  readonly event: Event;
  readonly interest: Interest;
}

interface Subscriptions {
  readonly immediate: Event[];
  readonly timers: Timer[];
  readonly watches: Watch[];
}

export function poll(host: Host): Record<string, HostFunction> {
  const { memory } = host;
  return {
    poll_oneoff(subscriptions: number, events: number, count: number, result: number) {
      const length = count >>> 0;
      if (length === 0 || length > MAX_SUBSCRIPTIONS) throw new Errno("INVAL");
      memory.bytes(events, length * SIZE.EVENT);
      memory.writeU32(result, 0);
      const sorted: Subscriptions = { immediate: [], timers: [], watches: [] };
      for (let index = 0; index < length; index += 1) {
        subscribe(host, (subscriptions >>> 0) + index * SIZE.SUBSCRIPTION, sorted);
      }
      const happened = wait(host, sorted);
      for (const [index, event] of happened.entries()) {
        writeEvent(host, (events >>> 0) + index * SIZE.EVENT, event);
      }
      memory.writeU32(result, happened.length);
    },
  };
}

/** @see WASI preview1 `typenames.witx`, `subscription` */
function subscribe(host: Host, pointer: number, { immediate, timers, watches }: Subscriptions): void {
  const { memory } = host;
  const userdata = memory.readU64(pointer);
  const type = memory.readU8(pointer + 8);
  try {
    if (type === EVENT.CLOCK) {
      timers.push({ event: { userdata, type, errno: "SUCCESS" }, remainingNs: timer(host, pointer) });
      return;
    }
    if (type !== EVENT.FD_READ && type !== EVENT.FD_WRITE) throw new Errno("INVAL");
    const want = type === EVENT.FD_READ ? "read" : "write";
    const ready = watch(host, memory.readU32(pointer + 16), want);
    if (typeof ready === "number") immediate.push({ userdata, type, errno: "SUCCESS", sizeBytes: ready });
    else watches.push({ event: { userdata, type, errno: "SUCCESS" }, interest: ready });
  } catch (error) {
    if (!(error instanceof Errno) || error.errno === "FAULT") throw error;
    immediate.push({ userdata, type, errno: error.errno });
  }
}

function timer({ memory, clocks }: Host, pointer: number): () => bigint {
  const id = memory.readU32(pointer + 16);
  if (id === CLOCK.PROCESS_CPUTIME || id === CLOCK.THREAD_CPUTIME) throw new Errno("NOTSUP");
  const timeout = memory.readU64(pointer + 24);
  const isAbsolute = (memory.readU16(pointer + 40) & SUBSCRIPTION_CLOCK_ABSTIME) !== 0;
  const due = isAbsolute ? timeout : readClock(clocks, id) + timeout;
  return () => due - readClock(clocks, id);
}

/** How many bytes are there at once, or what to wait for. */
function watch({ descriptors }: Host, fd: number, want: Interest["want"]): number | Interest {
  const descriptor = descriptors.get(fd);
  const needed = RIGHT.POLL_FD_READWRITE | (want === "read" ? RIGHT.FD_READ : RIGHT.FD_WRITE);
  if ((descriptor.rights & needed) !== needed) {
    throw new Errno(descriptor.kind === "directory" ? "BADF" : "NOTCAPABLE");
  }
  if (descriptor.kind === "stream") return { fd: descriptor.stream.fd, want };
  if (descriptor.kind === "directory") throw new Errno("BADF");
  return want === "read" ? Math.max(0, descriptor.node.content.sizeBytes - descriptor.offset) : 0;
}

function wait({ waiter }: Host, { immediate, timers, watches }: Subscriptions): Event[] {
  const interests = watches.map(({ interest }) => interest);
  for (;;) {
    const remaining = timers.map(({ remainingNs }) => remainingNs());
    const shortest = remaining.reduce<bigint | undefined>((a, b) => (a === undefined || b < a ? b : a), undefined);
    const timeoutMs = immediate.length > 0 ? 0 : toMilliseconds(shortest);
    const readiness = interests.length > 0 ? waiter.wait(interests, timeoutMs) : sleep(waiter, timeoutMs);
    const due = timers.filter(({ remainingNs }) => remainingNs() <= 0n).map(({ event }) => event);
    const ready = watches.flatMap(({ event }, index) => readyEvent(event, readiness[index]));
    const happened = [...immediate, ...ready, ...due];
    if (happened.length > 0) return happened;
  }
}

function sleep(waiter: Host["waiter"], timeoutMs: number | undefined): readonly Readiness[] {
  waiter.sleep(timeoutMs ?? 0);
  return [];
}

function toMilliseconds(nanoseconds: bigint | undefined): number | undefined {
  if (nanoseconds === undefined) return undefined;
  return nanoseconds <= 0n ? 0 : Number(nanoseconds) / 1e6;
}

function readyEvent(event: Event, readiness: Readiness | undefined): Event[] {
  if (readiness === undefined || !(readiness.ready || readiness.hangup)) return [];
  return [{ ...event, sizeBytes: readiness.ready ? 1 : 0, hangup: readiness.hangup }];
}

/** @see WASI preview1 `typenames.witx`, `event` */
function writeEvent({ memory }: Host, pointer: number, event: Event): void {
  memory.zero(pointer, SIZE.EVENT);
  memory.writeU64(pointer, event.userdata);
  memory.writeU16(pointer + 8, errnoNumber(event.errno));
  memory.writeU8(pointer + 10, event.type);
  memory.writeU64(pointer + 16, BigInt(event.sizeBytes ?? 0));
  memory.writeU16(pointer + 24, event.hangup === true ? EVENT_HANGUP : 0);
}
