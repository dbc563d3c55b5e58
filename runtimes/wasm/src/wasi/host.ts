import type { FileSystem } from "../fs/file-system.ts";
import type { DescriptorTable } from "./descriptor.ts";
import type { GuestMemory } from "./memory.ts";

/** What a standard stream is, as far as the guest is told. */
export type StreamType = "terminal" | "character-device" | "regular-file" | "socket" | "pipe";

/** One of the container's own descriptors, given to the guest as a standard stream. */
export interface HostStream {
  readonly type: StreamType;
  /** The number by which the kernel knows it, for poll(2). */
  readonly fd: number;
  /**
   * Reads what there is, at least one byte; 0 at the end. Waits, unless told not to.
   * @throws Errno AGAIN (not to wait, and nothing there), and what the kernel reports
   */
  read(into: Uint8Array, options: { readonly wait: boolean }): number;
  /**
   * Writes all of it when waiting is allowed, else what fits.
   * @returns how many bytes were written: less than all only if an error came after some
   * @throws Errno AGAIN (not to wait, and no room), PIPE, and what the kernel reports
   */
  write(bytes: Uint8Array, options: { readonly wait: boolean }): number;
}

/** Something to wait for on a stream. */
export interface Interest {
  readonly fd: number;
  readonly want: "read" | "write";
}

export interface Readiness {
  readonly ready: boolean;
  readonly hangup: boolean;
}

/** Waiting that a kill ends at once. */
export interface Waiter {
  /** Sleeps. Does not return when the process is killed meanwhile. */
  sleep(milliseconds: number): void;
  /** Waits until one is ready or the time is over; `undefined` waits for ever. One answer for each interest. */
  wait(interests: readonly Interest[], timeoutMs: number | undefined): readonly Readiness[];
  /** Does not return when the process has been killed. */
  check(): void;
}

/** Nanoseconds. */
export interface Clocks {
  /** Since the epoch. */
  realtime(): bigint;
  monotonic(): bigint;
  /** That the guest has computed for. */
  cpu(): bigint;
}

/** Everything that the host functions of one guest process work on. */
export interface Host {
  readonly memory: GuestMemory;
  readonly args: readonly string[];
  /** `NAME=value` each. */
  readonly env: readonly string[];
  readonly fileSystem: FileSystem;
  readonly descriptors: DescriptorTable;
  readonly clocks: Clocks;
  readonly waiter: Waiter;
  /** Fills with random bytes. */
  readonly random: (bytes: Uint8Array<ArrayBuffer>) => void;
  /** Ends the process: never returns into the guest. */
  readonly exit: (outcome: { readonly code: number } | { readonly signal: number }) => never;
}

/**
 * A host function as the guest calls it, before its result becomes an error number: i32 arguments are numbers, i64 are
 * bigints. Returning is success; Errno is what the guest gets otherwise.
 */
export type HostFunction = (...args: never[]) => void;
