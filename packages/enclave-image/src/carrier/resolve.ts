import { InclavareError } from "@inclavare/errors";
import type { AppEntry } from "../app-image/types.ts";

/** As many as Linux follows. */
const MAX_LINKS = 40;

export type Entries = ReadonlyMap<string, AppEntry>;

/**
 * Finds what is at `path`, following symbolic links inside the image, the last one included. Where a kernel would stay at
 * the root, this refuses: a name that leads out of the image was meant for another file system.
 * @param path absolute.
 * @returns undefined when there is nothing.
 * @throws ERR_IMAGE_ESCAPE for `..` at the root; ERR_IMAGE_ENTRYPOINT when links go in circles.
 */
export function resolveInside(entries: Entries, path: string): AppEntry | undefined {
  const pending = path.split("/").toReversed();
  let links = 0;
  let current = "";
  while (pending.length > 0) {
    const name = pending.pop();
    if (name === undefined || name === "" || name === ".") continue;
    if (name === "..") {
      if (current === "") {
        throw new InclavareError("ERR_IMAGE_ESCAPE", `${JSON.stringify(path)} leads out of the image`);
      }
      current = current.slice(0, current.lastIndexOf("/"));
      continue;
    }
    if (entries.get(current === "" ? "/" : current)?.type !== "directory") return undefined;
    const next = entries.get(`${current}/${name}`);
    if (next?.target === undefined) {
      current = `${current}/${name}`;
      continue;
    }
    links += 1;
    if (links > MAX_LINKS) {
      throw new InclavareError("ERR_IMAGE_ENTRYPOINT", `${JSON.stringify(path)}: its symbolic links go in circles`);
    }
    pending.push(...next.target.split("/").toReversed());
    if (next.target.startsWith("/")) current = "";
  }
  return entries.get(current === "" ? "/" : current);
}
