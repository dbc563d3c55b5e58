/** What is called of a library, and may hang. */
type Call =
  | "dlopen"
  | "pal_get_version"
  | "pal_init"
  | "pal_create_process"
  | "pal_kill"
  | "pal_destroy"
  | "pal_get_local_report";

/** Milliseconds. `pal_exec` has no deadline: a process may take as long as it likes. */
export type Deadlines = Readonly<Record<Call, number>>;

/** Making an enclave takes long; the first two block their caller's thread. */
export const DEADLINES_MS: Deadlines = {
  dlopen: 20_000,
  pal_get_version: 5000,
  pal_init: 45_000,
  pal_create_process: 45_000,
  pal_kill: 10_000,
  pal_destroy: 10_000,
  pal_get_local_report: 10_000,
};
