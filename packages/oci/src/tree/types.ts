import type { Readable } from "node:stream";

export type EntryType = "file" | "directory" | "symlink" | "character-device" | "block-device" | "fifo";

/** Something in a file tree. Hard links are entries of their own with the same `inode` and the same contents. */
export interface TreeEntry {
  /** Absolute, without `.`, `..`, `//` or a slash at the end; the root is `/`. */
  readonly path: string;
  readonly type: EntryType;
  /** Permission bits with set-id and sticky bits: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970, may be negative. */
  readonly mtimeSeconds: number;
  /** 0 for everything but files. */
  readonly sizeBytes: number;
  /** Of a symbolic link, as it was written. */
  readonly linkTarget?: string;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs: ReadonlyMap<string, Uint8Array>;
  readonly inode: number;
  /** The contents; empty for everything but files. @throws ERR_OCI_CLOSED (from the stream) after the tree's close. */
  open(): Readable;
  /** The whole contents. @throws ERR_OCI_CLOSED */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Files in memory, their contents in one temporary file. */
export interface FileTree extends AsyncDisposable {
  /** By path, sorted by the bytes of the path's components: a directory comes right before what is in it. */
  readonly entries: ReadonlyMap<string, TreeEntry>;
  /** Releases the contents; idempotent. */
  close(): Promise<void>;
}

/** What a tar archive is made of; `content` is what a file holds, left out: nothing. */
export interface TarInput {
  /** As {@link TreeEntry.path}. */
  readonly path: string;
  readonly type: EntryType | "hardlink";
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  /** A symbolic link's target as it is; a hard link's is the path of another entry. */
  readonly linkTarget?: string;
  readonly device?: { readonly major: number; readonly minor: number };
  readonly xattrs?: ReadonlyMap<string, Uint8Array>;
  /** Bytes, or a stream and how many bytes it gives. */
  readonly content?: Uint8Array | { readonly sizeBytes: number; open(): AsyncIterable<Uint8Array> };
}
