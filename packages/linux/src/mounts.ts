import { check, libcFunction } from "./native.ts";

/** Flags of mount(2) by their names in `sys/mount.h`. */
export const MOUNT_FLAGS = {
  readOnly: 1,
  noSuid: 2,
  noDev: 4,
  noExec: 8,
  remount: 32,
  bind: 4096,
  recursive: 16384,
  private: 1 << 18,
} as const;

export interface MountRequest {
  readonly source: string;
  readonly target: string;
  /** Left out for a bind mount. */
  readonly type?: string;
  /** Bits of {@link MOUNT_FLAGS}. */
  readonly flags?: number;
  readonly data?: string;
}

const MNT_DETACH = 2;

export function mount({ source, target, type, flags, data }: MountRequest): void {
  const call = libcFunction(
    "int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)",
  );
  check("mount", call(source, target, type ?? null, flags ?? 0, data ?? null), `of ${source} at ${target}`);
}

/** `detach`: out of sight now, gone when the last user is. */
export function unmount(target: string, options: { readonly detach: boolean }): void {
  check(
    "umount",
    libcFunction("int umount2(const char *target, int flags)")(target, options.detach ? MNT_DETACH : 0),
    target,
  );
}
