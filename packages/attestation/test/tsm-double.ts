/** configfs-tsm of ours, in memory: what the kernel's documentation says of each file, and what other writers may do. */
import { basename, dirname } from "node:path";
import { errnoError, type TsmFiles } from "../src/attesters/tsm/files.ts";

export interface TsmTreeOptions {
  readonly provider: string;
  /** The evidence for 64 bytes of report data. */
  readonly make: (reportData: Uint8Array, privilegeLevel: number | undefined) => Uint8Array;
  readonly auxblob?: Uint8Array;
  readonly manifestblob?: Uint8Array;
  /** SEV-SNP only. */
  readonly hasPrivilegeLevel?: boolean;
  /** How many times another writer writes between our write and our read. */
  readonly interferences?: number;
  /** Fails an operation: `mkdir`, `rmdir`, or the name of a file. Called each time; `undefined` lets it pass. */
  readonly fail?: (operation: string) => string | undefined;
  /** Waits before outblob is there. */
  readonly delay?: () => Promise<void>;
}

interface Entry {
  generation: number;
  inblob?: Uint8Array;
  privilegeLevel?: number;
}

export class TsmTree implements TsmFiles {
  readonly directory = "/sys/kernel/config/tsm/report";
  readonly entries = new Map<string, Entry>();
  /** Entries that were ever made. */
  made = 0;
  readonly #options: TsmTreeOptions;
  #interferences: number;

  constructor(options: TsmTreeOptions) {
    this.#options = options;
    this.#interferences = options.interferences ?? 0;
  }

  async mkdir(path: string): Promise<void> {
    await this.#pass("mkdir");
    if (dirname(path) !== this.directory) throw errnoError("ENOENT", path);
    if (this.entries.has(basename(path))) throw errnoError("EEXIST", path);
    this.made += 1;
    this.entries.set(basename(path), { generation: 0 });
  }

  async rmdir(path: string): Promise<void> {
    await this.#pass("rmdir");
    if (!this.entries.delete(basename(path))) throw errnoError("ENOENT", path);
  }

  async list(path: string): Promise<readonly string[]> {
    await Promise.resolve();
    if (path !== this.directory) throw errnoError("ENOENT", path);
    return [...this.entries.keys()];
  }

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const [entry, name] = this.#find(path);
    await this.#pass(name);
    if (name === "privlevel") {
      if (this.#options.hasPrivilegeLevel !== true) throw errnoError("EACCES", path);
      const level = Number(Buffer.from(bytes).toString());
      if (level > 3) throw errnoError("EINVAL", path);
      entry.privilegeLevel = level;
    } else if (name === "inblob" && bytes.length <= 64) entry.inblob = Uint8Array.from(bytes);
    else throw errnoError("EINVAL", path);
    entry.generation += 1;
  }

  async read(path: string, mostBytes: number): Promise<Uint8Array> {
    const [entry, name] = this.#find(path);
    await this.#pass(name);
    const bytes = await this.#content(entry, name, path);
    if (bytes.length > mostBytes) throw errnoError("EFBIG", path);
    return bytes;
  }

  async #content(entry: Entry, name: string, path: string): Promise<Uint8Array> {
    const { provider, make, auxblob, manifestblob, delay } = this.#options;
    switch (name) {
      case "outblob": {
        if (entry.inblob === undefined) throw errnoError("EINVAL", path);
        await delay?.();
        if (this.#interferences > 0) {
          this.#interferences -= 1;
          entry.inblob = new Uint8Array(64).fill(0xee);
          entry.generation += 1;
        }
        return make(entry.inblob, entry.privilegeLevel);
      }
      case "auxblob":
        return auxblob ?? new Uint8Array(0);
      case "manifestblob":
        if (manifestblob === undefined) throw errnoError("ENOENT", path);
        return manifestblob;
      case "provider":
        return Buffer.from(`${provider}\n`);
      case "generation":
        return Buffer.from(`${entry.generation}\n`);
      default:
        throw errnoError("ENOENT", path);
    }
  }

  #find(path: string): [Entry, string] {
    const entry = this.entries.get(basename(dirname(path)));
    if (entry === undefined) throw errnoError("ENOENT", path);
    return [entry, basename(path)];
  }

  async #pass(operation: string): Promise<void> {
    await Promise.resolve();
    const code = this.#options.fail?.(operation);
    if (code !== undefined) throw errnoError(code, operation);
  }
}
