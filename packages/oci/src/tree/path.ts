import { InclavareError } from "@inclavare/errors";

/** PATH_MAX and NAME_MAX of Linux. */
const MAX_PATH_BYTES = 4095;
const MAX_NAME_BYTES = 255;

/**
 * Makes a name from an archive into a clean absolute path: `./etc/hosts`, `/etc//hosts` and `etc/hosts/` all become
 * `/etc/hosts`; `.` becomes `/`.
 * @param what which archive it is from, for messages.
 * @throws ERR_OCI_LAYER_PATH for an empty name, and for one with `..` anywhere, even if it would stay inside: nothing
 * sound writes such names; ERR_OCI_LIMIT for one that Linux could not hold.
 */
export function cleanPath(name: string, what: string): string {
  if (name === "") throw new InclavareError("ERR_OCI_LAYER_PATH", `${what}: an entry has no name`);
  const parts = name.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) {
    throw new InclavareError("ERR_OCI_LAYER_PATH", `${what}: ${JSON.stringify(name)} has ".." in it`, {
      details: { path: name },
    });
  }
  const path = `/${parts.join("/")}`;
  const long =
    Buffer.byteLength(path) > MAX_PATH_BYTES || parts.some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES);
  if (!long) return path;
  throw new InclavareError(
    "ERR_OCI_LIMIT",
    `${what}: a path has ${Buffer.byteLength(path)} bytes; at most ${MAX_PATH_BYTES}, and ${MAX_NAME_BYTES} for each name, are possible`,
  );
}

/** @throws ERR_OCI_LAYER_PATH unless `path` is absolute and as {@link cleanPath} would give it. */
export function assertCleanPath(path: string): void {
  if (path.startsWith("/") && !path.includes("\0") && cleanPath(path, "archive") === path) return;
  throw new InclavareError("ERR_OCI_LAYER_PATH", `${JSON.stringify(path)} is not a clean absolute path`);
}

/** Sorts by the bytes of the paths' components: a directory comes right before what is in it. */
export function sortByPath<T extends { readonly path: string }>(items: Iterable<T>): T[] {
  // A slash sorts as the lowest byte there is; in a plain comparison "/a-b" would come between "/a" and "/a/b".
  const keyed = Array.from(items, (item) => ({ item, key: Buffer.from(item.path.replaceAll("/", "\0")) }));
  return keyed.toSorted((left, right) => Buffer.compare(left.key, right.key)).map(({ item }) => item);
}

/** The names on the way from the root to `path`; none for the root itself. */
export function componentsOf(path: string): string[] {
  return path === "/" ? [] : path.slice(1).split("/");
}
