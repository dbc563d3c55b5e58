import type { JsonValue } from "@inclavare/errors";
import { onProcessExit, type ProcessExit, waitChild } from "@inclavare/linux";

/** Notes by key; undefined: no longer. */
export type Notes = Readonly<Record<string, JsonValue | undefined>>;

/**
 * What must outlive the process that serves containerd, with whoever keeps it: with grouping by node the holder, with grouping by
 * pod nobody, since there the container ends with its shim.
 */
export interface Keeper {
  /** Holds a copy of the descriptor; taken over before this returns. */
  keep(name: string, descriptor: number): void;
  drop(name: string): void;
  /** All of them are taken, or none; before whatever is sent later. Resolves when the death of this process loses them no more. */
  note(notes: Notes): Promise<void>;
  /** Calls back when the process has ended. Its status can be asked for again until it is buried. */
  onExit(pid: number, ended: (exit: ProcessExit | undefined) => void): Disposable;
  bury(pid: number): void;
}

/** The containers are this process's children, and end with it. */
export const NOBODY: Keeper = {
  keep: () => undefined,
  drop: () => undefined,
  note: async () => undefined,
  onExit: onProcessExit,
  bury: (pid) => void waitChild(pid),
};
