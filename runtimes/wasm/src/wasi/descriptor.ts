import { Errno, type ErrnoName } from "../errno.ts";
import type { FileSystem } from "../fs/file-system.ts";
import type { DirectoryNode, FileNode, Node } from "../fs/node.ts";
import type { HostStream } from "./host.ts";

interface DescriptorBase {
  /** What may be done with the descriptor itself; a set of bits of RIGHT. */
  rights: number;
  /** What descriptors opened through it may be given. */
  inheriting: number;
  /** Bits of FDFLAG. */
  flags: number;
}

export interface FileDescriptor extends DescriptorBase {
  readonly kind: "file";
  readonly node: FileNode;
  offset: number;
}

/** One name in a directory's listing. */
export interface ListedEntry {
  readonly name: string;
  readonly node: Node;
}

export interface DirectoryDescriptor extends DescriptorBase {
  readonly kind: "directory";
  readonly node: DirectoryNode;
  /** The name under which the guest finds it without opening it. */
  readonly preopenName?: string;
  /** What the last listing from its start saw, so that a listing in pieces neither repeats nor misses a name. */
  listing?: readonly ListedEntry[];
}

export interface StreamDescriptor extends DescriptorBase {
  readonly kind: "stream";
  readonly stream: HostStream;
}

export type Descriptor = FileDescriptor | DirectoryDescriptor | StreamDescriptor;

/** As many as a process commonly may have open. */
const MAX_DESCRIPTORS = 1024;

/** The guest's descriptors by number; a new one gets the lowest that is free. */
export class DescriptorTable {
  readonly #descriptors = new Map<number, Descriptor>();
  readonly #fileSystem: FileSystem;

  constructor(fileSystem: FileSystem) {
    this.#fileSystem = fileSystem;
  }

  /** @throws Errno MFILE */
  add(descriptor: Descriptor): number {
    if (this.#descriptors.size >= MAX_DESCRIPTORS) throw new Errno("MFILE");
    let number = 0;
    while (this.#descriptors.has(number)) number += 1;
    if (descriptor.kind !== "stream") descriptor.node.openCount += 1;
    this.#descriptors.set(number, descriptor);
    return number;
  }

  /** @throws Errno BADF */
  get(number: number): Descriptor {
    const descriptor = this.#descriptors.get(number >>> 0);
    if (descriptor === undefined) throw new Errno("BADF");
    return descriptor;
  }

  /** @throws Errno BADF, NOTDIR, and `lacking` where the directory lacks a right */
  directory(number: number, rights: number, lacking: ErrnoName = "PERM"): DirectoryDescriptor {
    const descriptor = this.get(number);
    if (descriptor.kind !== "directory") throw new Errno("NOTDIR");
    assertRights(descriptor, rights, lacking);
    return descriptor;
  }

  /** @throws Errno BADF */
  close(number: number): void {
    const descriptor = this.get(number);
    this.#descriptors.delete(number >>> 0);
    this.#letGo(descriptor);
  }

  /** Gives `from` the number `to`, closing what had it. @throws Errno BADF for either number that is not open */
  renumber(from: number, to: number): void {
    const moved = this.get(from);
    const replaced = this.get(to);
    if (moved === replaced) return;
    this.#descriptors.delete(from >>> 0);
    this.#descriptors.set(to >>> 0, moved);
    this.#letGo(replaced);
  }

  #letGo(descriptor: Descriptor): void {
    if (descriptor.kind === "stream") return;
    descriptor.node.openCount -= 1;
    this.#fileSystem.reclaim(descriptor.node);
  }
}

/** @throws Errno `lacking` */
export function assertRights(descriptor: Descriptor, rights: number, lacking: ErrnoName = "NOTCAPABLE"): void {
  if ((descriptor.rights & rights) !== rights) throw new Errno(lacking);
}
