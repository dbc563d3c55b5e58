/** Something in the application's file system. */
export interface AppEntry {
  /** Absolute and clean; the root is `/`. */
  readonly path: string;
  readonly type: "file" | "directory" | "symlink";
  /** Permission bits with set-id and sticky bits: 0 to 0o7777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Whole seconds since 1970, may be negative. */
  readonly mtimeSeconds: number;
  /** 0 for everything but files. */
  readonly sizeBytes: number;
  /** Of a symbolic link, as it was written. */
  readonly target?: string;
}

/** A decoded application image; the contents stay where they are. */
export interface AppImage {
  /** By path; a directory comes right before what is in it, the root first. */
  readonly entries: ReadonlyMap<string, AppEntry>;
  /** The contents of a file of this image: a view of the image's bytes, not a copy. Empty for all other entries. */
  read(entry: AppEntry): Uint8Array;
}

/** What an application image is made of. `read` may be called twice and has to give the same `sizeBytes` bytes. */
export interface AppImageInput extends AppEntry {
  readonly read: () => Promise<Uint8Array>;
}
