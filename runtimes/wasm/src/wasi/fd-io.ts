import { Errno } from "../errno.ts";
import { FDFLAG, RIGHT } from "./abi.ts";
import { assertRights, type Descriptor, type FileDescriptor } from "./descriptor.ts";
import type { Host, HostFunction } from "./host.ts";
import { type Buffers, toOffset } from "./memory.ts";

/** Writes of this size and below reach a pipe in one piece (PIPE_BUF), so small parts are put together first. */
const ATOMIC_BYTES = 4096;

/** Reading and writing: files in the enclave's memory, and the container's standard streams. */
export function fdIo(host: Host): Record<string, HostFunction> {
  const { memory, descriptors } = host;
  return {
    fd_read(number: number, vectors: number, count: number, result: number) {
      const descriptor = readable(descriptors.get(number));
      const buffers = memory.buffers(vectors, count);
      memory.writeU32(result, 0);
      if (descriptor.kind === "file") {
        const read = readFile(host, descriptor, buffers, descriptor.offset);
        descriptor.offset += read;
        memory.writeU32(result, read);
        return;
      }
      if (descriptor.kind !== "stream") throw new Errno("BADF");
      const into = buffers.find(({ length }) => length > 0);
      if (into === undefined) return;
      memory.writeU32(result, descriptor.stream.read(into, { wait: waits(descriptor) }));
    },
    fd_pread(number: number, vectors: number, count: number, offset: bigint, result: number) {
      const descriptor = positioned(readable(descriptors.get(number)));
      memory.writeU32(result, readFile(host, descriptor, memory.buffers(vectors, count), toOffset(offset)));
    },
    fd_write(number: number, vectors: number, count: number, result: number) {
      const descriptor = writable(descriptors.get(number));
      const buffers = memory.buffers(vectors, count);
      memory.writeU32(result, 0);
      if (descriptor.kind === "stream") {
        memory.writeU32(result, writeStream(descriptor, buffers));
      } else if (descriptor.kind === "file") {
        const { end, written } = writeFile(host, descriptor, buffers, descriptor.offset);
        descriptor.offset = end;
        memory.writeU32(result, written);
      }
    },
    fd_pwrite(number: number, vectors: number, count: number, offset: bigint, result: number) {
      const descriptor = positioned(writable(descriptors.get(number)));
      const { written } = writeFile(host, descriptor, memory.buffers(vectors, count), toOffset(offset));
      memory.writeU32(result, written);
    },
  };
}

/** @throws Errno BADF, as POSIX has it for a descriptor opened the other way; a directory has neither right */
function readable(descriptor: Descriptor): Descriptor {
  assertRights(descriptor, RIGHT.FD_READ, "BADF");
  return descriptor;
}

/** @throws Errno BADF */
function writable(descriptor: Descriptor): Descriptor {
  assertRights(descriptor, RIGHT.FD_WRITE, "BADF");
  return descriptor;
}

/** @throws Errno SPIPE for a stream */
function positioned(descriptor: Descriptor): FileDescriptor {
  if (descriptor.kind === "file") return descriptor;
  throw new Errno(descriptor.kind === "stream" ? "SPIPE" : "BADF");
}

function waits({ flags }: Descriptor): boolean {
  return (flags & FDFLAG.NONBLOCK) === 0;
}

function readFile({ fileSystem }: Host, { node }: FileDescriptor, buffers: Buffers, offset: number): number {
  let read = 0;
  for (const buffer of buffers) {
    const count = node.content.read(offset + read, buffer);
    read += count;
    if (count < buffer.length) break;
  }
  if (read > 0 && !node.device.readOnly) node.times.atime = fileSystem.now();
  return read;
}

/** With APPEND the data goes to the end whatever the offset, for positioned writes too, as on Linux. */
function writeFile(
  { fileSystem }: Host,
  { node, flags }: FileDescriptor,
  buffers: Buffers,
  offset: number,
): { end: number; written: number } {
  const start = (flags & FDFLAG.APPEND) === 0 ? offset : node.content.sizeBytes;
  let written = 0;
  for (const buffer of buffers) {
    if (buffer.length === 0) continue;
    try {
      node.content.write(start + written, buffer);
    } catch (error) {
      if (written > 0) break;
      throw error;
    }
    written += buffer.length;
  }
  if (written > 0) {
    node.times.mtime = fileSystem.now();
    node.times.ctime = node.times.mtime;
  }
  return { end: written > 0 ? start + written : offset, written };
}

function writeStream(descriptor: Descriptor & { kind: "stream" }, buffers: Buffers): number {
  const options = { wait: waits(descriptor) };
  let written = 0;
  for (const part of gather(buffers)) {
    try {
      const count = descriptor.stream.write(part, options);
      written += count;
      if (count < part.length) break;
    } catch (error) {
      if (written > 0 && error instanceof Errno) break;
      throw error;
    }
  }
  return written;
}

function gather(buffers: Buffers): Buffers {
  const filled = buffers.filter(({ length }) => length > 0);
  const total = filled.reduce((sum, { length }) => sum + length, 0);
  return filled.length > 1 && total <= ATOMIC_BYTES ? [Buffer.concat(filled, total)] : filled;
}
