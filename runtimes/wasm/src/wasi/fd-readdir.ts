import { RIGHT, SIZE } from "./abi.ts";
import type { DirectoryDescriptor, ListedEntry } from "./descriptor.ts";
import type { Host, HostFunction } from "./host.ts";
import { toOffset } from "./memory.ts";
import { fileTypeOfNode } from "./stat.ts";

const encoder = new TextEncoder();

/** Listing a directory: `.` and `..` first, then the names in the order in which they were made. */
export function fdReaddir({ memory, descriptors }: Host): Record<string, HostFunction> {
  return {
    fd_readdir(number: number, buffer: number, sizeBytes: number, cookie: bigint, result: number) {
      const descriptor = descriptors.directory(number, RIGHT.FD_READDIR, "BADF");
      const into = memory.bytes(buffer, sizeBytes);
      const start = toOffset(cookie);
      if (start === 0 || descriptor.listing === undefined) descriptor.listing = list(descriptor);
      let used = 0;
      for (let index = start; index < descriptor.listing.length && used < into.length; index += 1) {
        const entry = descriptor.listing[index];
        if (entry === undefined) break;
        // The last entry may be cut short: a full buffer tells the guest that there is more.
        const bytes = encodeEntry(entry, index + 1).subarray(0, into.length - used);
        into.set(bytes, used);
        used += bytes.length;
      }
      memory.writeU32(result, used);
    },
  };
}

function list({ node, preopenName }: DirectoryDescriptor): ListedEntry[] {
  // The directory above a preopened one is out of the guest's sight.
  const above = preopenName === undefined ? (node.parent ?? node) : node;
  const names = [...node.entries].map(([name, entry]) => ({ name, node: entry }));
  return [{ name: ".", node }, { name: "..", node: above }, ...names];
}

/** A `dirent` and its name. @see WASI preview1 `typenames.witx`, `dirent` */
function encodeEntry({ name, node }: ListedEntry, next: number): Uint8Array {
  const nameBytes = encoder.encode(name);
  const bytes = new Uint8Array(SIZE.DIRENT + nameBytes.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(next), true);
  view.setBigUint64(8, node.ino, true);
  view.setUint32(16, nameBytes.length, true);
  view.setUint8(20, fileTypeOfNode(node));
  bytes.set(nameBytes, SIZE.DIRENT);
  return bytes;
}
