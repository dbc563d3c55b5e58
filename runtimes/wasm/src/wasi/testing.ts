/** A guest without a program, for tests: calls the host functions directly on a memory of its own. */
import { randomFillSync } from "node:crypto";
import { errnoName, type ErrnoName } from "../errno.ts";
import { Quota } from "../fs/content.ts";
import { FileSystem } from "../fs/file-system.ts";
import { populate, type TreeContents } from "../fs/populate.ts";
import { LOOKUP_SYMLINK_FOLLOW, OFLAG, RIGHT } from "./abi.ts";
import { DescriptorTable } from "./descriptor.ts";
import type { Clocks, Host, Waiter } from "./host.ts";
import { createImports } from "./imports.ts";
import { GuestMemory } from "./memory.ts";
import { DIRECTORY_RIGHTS, INHERITING_RIGHTS } from "./rights.ts";

/** How a test learns that the guest has ended. */
export class Ended extends Error {
  readonly outcome: { readonly code: number } | { readonly signal: number };

  constructor(outcome: Ended["outcome"]) {
    super("ended");
    this.outcome = outcome;
  }
}

export interface TestGuestOptions extends Partial<TreeContents> {
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly quotaBytes?: number;
  readonly waiter?: Waiter;
  readonly clocks?: Partial<Clocks>;
}

export interface OpenRequest {
  readonly follow?: boolean;
  /** Bits of OFLAG. */
  readonly open?: number;
  /** Bits of RIGHT. */
  readonly rights?: number;
  readonly inheriting?: number;
  /** Bits of FDFLAG. */
  readonly flags?: number;
}

export interface Stat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly type: number;
  readonly nlink: bigint;
  readonly size: bigint;
  readonly atime: bigint;
  readonly mtime: bigint;
  readonly ctime: bigint;
}

const RESULT = 64;
const HEAP = 1024;

/** The guest, with `/` as descriptor 3 and memory mounts as asked for; descriptors 0 to 2 are empty files. */
export class TestGuest {
  readonly host: Host;
  readonly memory: WebAssembly.Memory;
  readonly #imports: ReturnType<typeof createImports>;
  #next = HEAP;

  constructor(options: TestGuestOptions = {}) {
    const { entries = [], memoryMounts = ["/tmp"], files = [], args = [], env = [] } = options;
    let ticks = 1_700_000_000_000_000_000n;
    const realtime = (): bigint => (ticks += 1000n);
    const fileSystem = new FileSystem({ now: realtime, quota: new Quota(() => options.quotaBytes ?? 1 << 20) });
    populate(fileSystem, { entries, memoryMounts, files });
    this.memory = new WebAssembly.Memory({ initial: 2 });
    const memory = new GuestMemory();
    memory.attach(this.memory);
    this.host = {
      memory,
      args,
      env,
      fileSystem,
      descriptors: new DescriptorTable(fileSystem),
      clocks: { realtime, monotonic: realtime, cpu: () => 5n, ...options.clocks },
      waiter: options.waiter ?? {
        // A test has no time: sleeping moves the clock, and streams are always ready.
        sleep: (milliseconds) => void (ticks += BigInt(Math.ceil(milliseconds * 1e6))),
        wait: (interests) => interests.map(() => ({ ready: true, hangup: false })),
        check: () => undefined,
      },
      random: (bytes) => void randomFillSync(bytes),
      exit: (outcome) => {
        throw new Ended(outcome);
      },
    };
    for (let fd = 0; fd < 3; fd += 1) this.#addFile();
    const root = { kind: "directory", node: fileSystem.root, preopenName: "/", flags: 0 } as const;
    this.host.descriptors.add({ ...root, rights: DIRECTORY_RIGHTS, inheriting: INHERITING_RIGHTS });
    this.#imports = createImports(this.host, {
      onThrow: (thrown) => {
        throw thrown;
      },
    });
  }

  #addFile(): void {
    const { fileSystem, descriptors } = this.host;
    const node = fileSystem.create({ type: "file" }, fileSystem.root);
    if (node.type !== "file") throw new Error("not a file");
    descriptors.add({ kind: "file", node, offset: 0, rights: RIGHT.FD_READ, inheriting: 0, flags: 0 });
  }

  /** Calls a function and gives the name of its error number; strings become pointer and length. */
  call(name: string, ...args: (number | bigint | string)[]): ErrnoName {
    const flat = args.flatMap((argument) => (typeof argument === "string" ? this.put(argument) : [argument]));
    const result = this.#imports[name]?.(...flat) ?? -1;
    this.#next = HEAP;
    return errnoName(result) ?? "IO";
  }

  /** As {@link call}, and fails unless it succeeds. */
  do(name: string, ...args: (number | bigint | string)[]): void {
    const errno = this.call(name, ...args);
    if (errno !== "SUCCESS") throw new Error(`${name}: ${errno}`);
  }

  /** Puts text or bytes into memory, until the next call: pointer and length. */
  put(content: string | Uint8Array): [number, number] {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    const at = this.#next;
    new Uint8Array(this.memory.buffer).set(bytes, at);
    this.#next += bytes.length + 8 - (bytes.length % 8);
    return [at, bytes.length];
  }

  view(): DataView {
    return new DataView(this.memory.buffer);
  }

  bytes(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer).slice(pointer, pointer + length);
  }

  tryOpen(directory: number, path: string, request: OpenRequest = {}): ErrnoName | number {
    const { follow = false, open = 0, rights = 0, inheriting = 0, flags = 0 } = request;
    const lookup = follow ? LOOKUP_SYMLINK_FOLLOW : 0;
    const errno = this.call(
      "path_open",
      directory,
      lookup,
      path,
      open,
      BigInt(rights),
      BigInt(inheriting),
      flags,
      RESULT,
    );
    return errno === "SUCCESS" ? this.view().getUint32(RESULT, true) : errno;
  }

  open(directory: number, path: string, request: OpenRequest = {}): number {
    const opened = this.tryOpen(directory, path, request);
    if (typeof opened !== "number") throw new Error(`path_open ${path}: ${opened}`);
    return opened;
  }

  /** The directory that tests write into. */
  scratch(): number {
    return this.open(3, "tmp", { open: OFLAG.DIRECTORY });
  }

  /** Makes an empty file. */
  create(directory: number, path: string): void {
    this.do("fd_close", this.open(directory, path, { open: OFLAG.CREAT }));
  }

  openReadWrite(directory: number, path: string, flags = 0): number {
    return this.open(directory, path, { open: OFLAG.CREAT, rights: RIGHT.FD_READ | RIGHT.FD_WRITE, flags });
  }

  /** Through one call of `fd_write`, or of `fd_pwrite` where an offset is given. */
  write(fd: number, content: string, offset?: number): ErrnoName | number {
    const [pointer, length] = this.put(content);
    const vector = this.#vector(pointer, length);
    const errno =
      offset === undefined
        ? this.call("fd_write", fd, vector, 1, RESULT)
        : this.call("fd_pwrite", fd, vector, 1, BigInt(offset), RESULT);
    return errno === "SUCCESS" ? this.view().getUint32(RESULT, true) : errno;
  }

  read(fd: number, length: number, offset?: number): string {
    const [pointer] = this.put(new Uint8Array(length));
    const vector = this.#vector(pointer, length);
    const errno =
      offset === undefined
        ? this.call("fd_read", fd, vector, 1, RESULT)
        : this.call("fd_pread", fd, vector, 1, BigInt(offset), RESULT);
    if (errno !== "SUCCESS") return errno;
    return new TextDecoder().decode(this.bytes(pointer, this.view().getUint32(RESULT, true)));
  }

  #vector(pointer: number, length: number): number {
    const view = this.view();
    view.setUint32(RESULT + 64, pointer, true);
    view.setUint32(RESULT + 68, length, true);
    return RESULT + 64;
  }

  seek(fd: number, offset: number, whence: number): ErrnoName | number {
    const errno = this.call("fd_seek", fd, BigInt(offset), whence, RESULT);
    return errno === "SUCCESS" ? Number(this.view().getBigUint64(RESULT, true)) : errno;
  }

  stat(fd: number): Stat {
    this.do("fd_filestat_get", fd, RESULT);
    return this.#stat();
  }

  statPath(directory: number, path: string, { follow = false }: { follow?: boolean } = {}): Stat | ErrnoName {
    const errno = this.call("path_filestat_get", directory, follow ? LOOKUP_SYMLINK_FOLLOW : 0, path, RESULT);
    return errno === "SUCCESS" ? this.#stat() : errno;
  }

  #stat(): Stat {
    const view = this.view();
    const u64 = (offset: number): bigint => view.getBigUint64(RESULT + offset, true);
    return {
      dev: u64(0),
      ino: u64(8),
      type: view.getUint8(RESULT + 16),
      nlink: u64(24),
      size: u64(32),
      atime: u64(40),
      mtime: u64(48),
      ctime: u64(56),
    };
  }

  fdstat(fd: number): { type: number; flags: number; rights: number; inheriting: number } {
    this.do("fd_fdstat_get", fd, RESULT);
    const view = this.view();
    return {
      type: view.getUint8(RESULT),
      flags: view.getUint16(RESULT + 2, true),
      rights: Number(view.getBigUint64(RESULT + 8, true)),
      inheriting: Number(view.getBigUint64(RESULT + 16, true)),
    };
  }

  setRights(fd: number, rights: number, inheriting: number): ErrnoName {
    return this.call("fd_fdstat_set_rights", fd, BigInt(rights), BigInt(inheriting));
  }

  /** One call of `fd_readdir`: the whole entries in it, and whether the buffer was filled. */
  readdir(fd: number, cookie: bigint, bufferBytes = 256): { entries: Dirent[]; more: boolean } {
    const [pointer] = this.put(new Uint8Array(bufferBytes));
    this.do("fd_readdir", fd, pointer, bufferBytes, cookie, RESULT);
    const used = this.view().getUint32(RESULT, true);
    const entries: Dirent[] = [];
    for (let at = 0; at + 24 <= used;) {
      const view = new DataView(this.memory.buffer, pointer + at, 24);
      const nameLength = view.getUint32(16, true);
      if (at + 24 + nameLength > used) break;
      entries.push({
        next: view.getBigUint64(0, true),
        ino: view.getBigUint64(8, true),
        type: view.getUint8(20),
        name: new TextDecoder().decode(this.bytes(pointer + at + 24, nameLength)),
      });
      at += 24 + nameLength;
    }
    return { entries, more: used === bufferBytes };
  }
}

export interface Dirent {
  readonly next: bigint;
  readonly ino: bigint;
  readonly type: number;
  readonly name: string;
}
