import type { ElfImage } from "./image.ts";
import type { DynamicPlace } from "./program-headers.ts";

/** A table in the file, of which the dynamic section tells address and number of entries. */
export interface VersionTable {
  readonly offset: number;
  readonly count: number;
}

export interface DynamicSection {
  readonly soname?: string;
  readonly needed: readonly string[];
  readonly rpath: readonly string[];
  readonly runpath: readonly string[];
  /** A position-independent program, which looks like a library but cannot be loaded as one. */
  readonly isProgram: boolean;
  readonly versionsNeeded?: VersionTable;
  readonly versionsDefined?: VersionTable;
  /** A string of the library's own table. */
  string(index: bigint): string;
}

const TAG = {
  end: 0,
  needed: 1,
  stringTable: 5,
  stringBytes: 10,
  soname: 14,
  rpath: 15,
  runpath: 29,
  flags1: 0x6fff_fffb,
  versionsDefined: 0x6fff_fffc,
  versionsDefinedCount: 0x6fff_fffd,
  versionsNeeded: 0x6fff_fffe,
  versionsNeededCount: 0x6fff_ffff,
} as const;
const FLAG_1_PIE = 0x0800_0000n;
const ENTRY_BYTES = 16;
const MOST_ENTRIES = 4096;

/** Reads the dynamic section: pairs of a tag and a value, up to the tag 0 or the section's end. */
export function readDynamicSection(image: ElfImage, { offset, fileBytes }: DynamicPlace): DynamicSection {
  const needed: bigint[] = [];
  const values = new Map<number, bigint>();
  const count = Math.floor(fileBytes / ENTRY_BYTES);
  if (count > MOST_ENTRIES)
    throw image.damaged(`its dynamic section has ${count} entries, at most ${MOST_ENTRIES} are read`);
  for (let at = offset; at < offset + count * ENTRY_BYTES; at += ENTRY_BYTES) {
    const tag = image.u64(at);
    if (tag === BigInt(TAG.end)) break;
    if (tag > 0xffff_ffffn) continue;
    const value = image.u64(at + 8);
    if (Number(tag) === TAG.needed) needed.push(value);
    else values.set(Number(tag), value);
  }
  const string = stringReader(image, values);
  const optional = (tag: number): string | undefined => {
    const index = values.get(tag);
    return index === undefined ? undefined : string(index);
  };
  const soname = optional(TAG.soname);
  const versionsNeeded = versionTable(image, values, TAG.versionsNeeded, TAG.versionsNeededCount);
  const versionsDefined = versionTable(image, values, TAG.versionsDefined, TAG.versionsDefinedCount);
  return {
    ...(soname === undefined ? {} : { soname }),
    needed: needed.map(string),
    rpath: splitPath(optional(TAG.rpath)),
    runpath: splitPath(optional(TAG.runpath)),
    isProgram: ((values.get(TAG.flags1) ?? 0n) & FLAG_1_PIE) !== 0n,
    ...(versionsNeeded === undefined ? {} : { versionsNeeded }),
    ...(versionsDefined === undefined ? {} : { versionsDefined }),
    string,
  };
}

function stringReader(image: ElfImage, values: ReadonlyMap<number, bigint>): (index: bigint) => string {
  const [address, length] = [values.get(TAG.stringTable), values.get(TAG.stringBytes)];
  if (address === undefined || length === undefined) throw image.damaged("its dynamic section names no strings");
  const start = image.offsetOf(address, "the string table");
  if (length > BigInt(image.sizeBytes - start)) throw image.damaged("its string table ends after the file");
  const end = start + Number(length);
  return (index) => {
    if (index >= length) throw image.damaged(`its string ${index} lies behind its string table`);
    return image.string(start, Number(index), end);
  };
}

function versionTable(
  image: ElfImage,
  values: ReadonlyMap<number, bigint>,
  table: number,
  counter: number,
): VersionTable | undefined {
  const address = values.get(table);
  if (address === undefined) return undefined;
  const count = values.get(counter) ?? 0n;
  if (count > BigInt(MOST_ENTRIES))
    throw image.damaged(`a version table has ${count} entries, at most ${MOST_ENTRIES} are read`);
  return { offset: image.offsetOf(address, "a version table"), count: Number(count) };
}

function splitPath(path: string | undefined): readonly string[] {
  return path === undefined ? [] : path.split(":").filter((directory) => directory !== "");
}
