import { readFileSync } from "node:fs";
import { unmount } from "@inclavare/linux";

/** The mount points at and below a folder in the kernel's list, the last mounted first. */
export function mountsBelow(folder: string, mountinfo: string): string[] {
  return mountinfo
    .split("\n")
    .flatMap((line) => {
      const point = unescape(line.split(" ")[4] ?? "");
      return point === folder || point.startsWith(`${folder}/`) ? [point] : [];
    })
    .toReversed();
}

/** Space, tab, newline and backslash stand as `\` and three octal digits in the kernel's list. */
function unescape(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/gu, (_, digits: string) => String.fromCodePoint(Number.parseInt(digits, 8)));
}

/** Takes away everything that is mounted at or below a folder; what is busy goes when its last user does. */
export function unmountBelow(folder: string): void {
  for (const point of mountsBelow(folder, readFileSync("/proc/self/mountinfo", "utf8"))) {
    unmount(point, { detach: true });
  }
}
