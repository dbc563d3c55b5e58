import { Errno, errnoNumber } from "../errno.ts";
import { argsEnv } from "./args-env.ts";
import { clock } from "./clock.ts";
import { fd } from "./fd.ts";
import { fdIo } from "./fd-io.ts";
import { fdReaddir } from "./fd-readdir.ts";
import type { Host } from "./host.ts";
import { path } from "./path.ts";
import { poll } from "./poll.ts";
import { proc } from "./proc.ts";
import { random } from "./random.ts";
import { sock } from "./sock.ts";

/** A host function as WebAssembly calls it; returns an error number, 0 for success. */
export type Import = (...args: (number | bigint)[]) => number;

export interface ImportOptions {
  /** Called for what is no error number: the end of the process, or a fault of the host. Must throw. */
  readonly onThrow: (thrown: unknown, functionName: string) => never;
}

/** All of `wasi_snapshot_preview1`, 46 functions, over one host. */
export function createImports(host: Host, { onThrow }: ImportOptions): Record<string, Import> {
  const functions = {
    ...argsEnv(host),
    ...clock(host),
    ...fd(host),
    ...fdIo(host),
    ...fdReaddir(host),
    ...path(host),
    ...poll(host),
    ...proc(host),
    ...random(host),
    ...sock(host),
  };
  return Object.fromEntries(
    Object.entries(functions).map(([name, call]) => [name, guarded(name, call as HostFunctionCall, onThrow)]),
  );
}

type HostFunctionCall = (...args: (number | bigint)[]) => void;

function guarded(name: string, call: HostFunctionCall, onThrow: ImportOptions["onThrow"]): Import {
  return (...args) => {
    try {
      call(...args);
      return 0;
    } catch (thrown) {
      return thrown instanceof Errno ? errnoNumber(thrown.errno) : onThrow(thrown, name);
    }
  };
}

/** The names of the functions, for checking a module before it is run. */
export const IMPORT_NAMES: readonly string[] = [
  "args_get",
  "args_sizes_get",
  "clock_res_get",
  "clock_time_get",
  "environ_get",
  "environ_sizes_get",
  "fd_advise",
  "fd_allocate",
  "fd_close",
  "fd_datasync",
  "fd_fdstat_get",
  "fd_fdstat_set_flags",
  "fd_fdstat_set_rights",
  "fd_filestat_get",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_pread",
  "fd_prestat_dir_name",
  "fd_prestat_get",
  "fd_pwrite",
  "fd_read",
  "fd_readdir",
  "fd_renumber",
  "fd_seek",
  "fd_sync",
  "fd_tell",
  "fd_write",
  "path_create_directory",
  "path_filestat_get",
  "path_filestat_set_times",
  "path_link",
  "path_open",
  "path_readlink",
  "path_remove_directory",
  "path_rename",
  "path_symlink",
  "path_unlink_file",
  "poll_oneoff",
  "proc_exit",
  "proc_raise",
  "random_get",
  "sched_yield",
  "sock_accept",
  "sock_recv",
  "sock_send",
  "sock_shutdown",
];
