import { RIGHT } from "./abi.ts";

/** What can be done with a directory. `FD_READ`, `FD_WRITE`, `FD_SEEK` are not among it, whatever a guest asks for. */
export const DIRECTORY_RIGHTS =
  RIGHT.FD_FDSTAT_SET_FLAGS |
  RIGHT.FD_SYNC |
  RIGHT.FD_DATASYNC |
  RIGHT.FD_ADVISE |
  RIGHT.PATH_CREATE_DIRECTORY |
  RIGHT.PATH_CREATE_FILE |
  RIGHT.PATH_LINK_SOURCE |
  RIGHT.PATH_LINK_TARGET |
  RIGHT.PATH_OPEN |
  RIGHT.FD_READDIR |
  RIGHT.PATH_READLINK |
  RIGHT.PATH_RENAME_SOURCE |
  RIGHT.PATH_RENAME_TARGET |
  RIGHT.PATH_FILESTAT_GET |
  RIGHT.PATH_FILESTAT_SET_SIZE |
  RIGHT.PATH_FILESTAT_SET_TIMES |
  RIGHT.FD_FILESTAT_GET |
  RIGHT.FD_FILESTAT_SET_TIMES |
  RIGHT.PATH_SYMLINK |
  RIGHT.PATH_REMOVE_DIRECTORY |
  RIGHT.PATH_UNLINK_FILE |
  RIGHT.POLL_FD_READWRITE;

/** What every descriptor of a regular file may do, whether it was opened for reading or for writing. */
const ANY_FILE_RIGHTS =
  RIGHT.FD_SEEK |
  RIGHT.FD_TELL |
  RIGHT.FD_FDSTAT_SET_FLAGS |
  RIGHT.FD_SYNC |
  RIGHT.FD_DATASYNC |
  RIGHT.FD_ADVISE |
  RIGHT.FD_FILESTAT_GET |
  RIGHT.FD_FILESTAT_SET_TIMES |
  RIGHT.POLL_FD_READWRITE;

const CHANGING_RIGHTS = RIGHT.FD_WRITE | RIGHT.FD_ALLOCATE | RIGHT.FD_FILESTAT_SET_SIZE;

/** What can be done with a regular file at most. */
const FILE_RIGHTS = ANY_FILE_RIGHTS | RIGHT.FD_READ | CHANGING_RIGHTS;

/** What descriptors opened below the root may be given. */
export const INHERITING_RIGHTS = DIRECTORY_RIGHTS | FILE_RIGHTS;

/** What a standard stream may do. Without seek and tell, which is how libc recognises a terminal. */
export const STREAM_RIGHTS =
  RIGHT.FD_FDSTAT_SET_FLAGS | RIGHT.FD_SYNC | RIGHT.FD_DATASYNC | RIGHT.FD_FILESTAT_GET | RIGHT.POLL_FD_READWRITE;

/** The request asks for something that changes the file. */
export function asksToChange(requested: number): boolean {
  return (requested & CHANGING_RIGHTS) !== 0;
}

/**
 * The rights of a new descriptor of a regular file: reading and writing as requested, the rest as far as the directory
 * hands it on. Guests rely on the rest without asking for it, as the official suite does.
 */
export function fileRights(requested: number, inheriting: number): number {
  const changing = (requested & RIGHT.FD_WRITE) === 0 ? requested & CHANGING_RIGHTS : CHANGING_RIGHTS;
  return (ANY_FILE_RIGHTS | (requested & RIGHT.FD_READ) | changing) & inheriting;
}

/** The rights of a new descriptor of a directory: all that make sense and that its own directory hands on. */
export function directoryRights(inheriting: number): number {
  return DIRECTORY_RIGHTS & inheriting;
}
