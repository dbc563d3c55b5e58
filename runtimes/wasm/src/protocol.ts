import type { AddedFile, TreeEntry } from "./fs/populate.ts";

/** What a worker needs to run one guest process. */
export interface GuestStart {
  readonly module: WebAssembly.Module;
  /** How the program is called in messages. */
  readonly program: string;
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** The container's own descriptors, borrowed until the process has ended. */
  readonly stdio: { readonly stdin: number; readonly stdout: number; readonly stderr: number };
  readonly entries: readonly TreeEntry[];
  readonly files: readonly AddedFile[];
  readonly memoryMounts: readonly string[];
  readonly memoryLimitBytes: number;
  /** Becomes readable when the process is killed. */
  readonly killEventfd: number;
  /** One 32-bit integer: the signal that killed the process, 0 before. */
  readonly control: SharedArrayBuffer;
}

/** How a guest process ended. */
export type Outcome =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "signalled"; readonly signal: number }
  /** `reason` is one line without control characters. */
  | { readonly kind: "trapped"; readonly reason: string };

/** From the worker: its code is loaded, its process is made, its process has ended. */
export type GuestMessage =
  | { readonly type: "booted" | "ready" }
  | { readonly type: "ended"; readonly outcome: Outcome };

/** To the worker, once each: make the process, run it. */
export type HostMessage = { readonly type: "prepare"; readonly start: GuestStart } | { readonly type: "go" };

/** The status of a process that trapped, as that of one that called abort(3). */
export const SIGABRT = 6;

/** The exit status by the convention of shells: 128 + signal. */
export function exitStatus(outcome: Outcome): number {
  if (outcome.kind === "exited") return outcome.code;
  return 128 + (outcome.kind === "signalled" ? outcome.signal : SIGABRT);
}
