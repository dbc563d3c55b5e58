import type { DynamicSection } from "./dynamic-section.ts";
import type { ElfImage } from "./image.ts";

/** The versions that one library needs of another. */
export interface VersionsNeeded {
  /** The name of the library that must have them. */
  readonly file: string;
  /** Such as `GLIBC_2.34`. */
  readonly versions: readonly string[];
}

const FLAG_BASE = 1;
const FLAG_WEAK = 2;
const MOST_VERSIONS = 16_384;

/**
 * The versions of symbols that a library needs. Layout: `Elf64_Verneed`, 16 bytes (version, number of names, file, first
 * name, next entry), each with a list of `Elf64_Vernaux`, 16 bytes (hash, flags, index, name, next name).
 */
export function readVersionsNeeded(image: ElfImage, section: DynamicSection): readonly VersionsNeeded[] {
  const { versionsNeeded: table } = section;
  const found: VersionsNeeded[] = [];
  let total = 0;
  for (let [at, left] = [table?.offset ?? 0, table?.count ?? 0]; left > 0; left -= 1) {
    const versions: string[] = [];
    const names = image.u16(at + 2);
    total += names;
    assertTotal(image, total);
    for (let [name, more] = [at + image.u32(at + 8), names]; more > 0; more -= 1) {
      if ((image.u16(name + 4) & FLAG_WEAK) === 0) versions.push(section.string(BigInt(image.u32(name + 8))));
      name += image.u32(name + 12);
    }
    found.push({ file: section.string(BigInt(image.u32(at + 4))), versions });
    at += image.u32(at + 12);
  }
  return found;
}

/**
 * The versions of symbols that a library has, without its own name. Layout: `Elf64_Verdef`, 20 bytes (version, flags,
 * index, number of names, hash, first name, next entry), whose first `Elf64_Verdaux` (name, next name) names it.
 */
export function readVersionsDefined(image: ElfImage, section: DynamicSection): readonly string[] {
  const { versionsDefined: table } = section;
  const found: string[] = [];
  for (let [at, left] = [table?.offset ?? 0, table?.count ?? 0]; left > 0; left -= 1) {
    const isFileName = (image.u16(at + 2) & FLAG_BASE) !== 0;
    if (!isFileName) found.push(section.string(BigInt(image.u32(at + image.u32(at + 12)))));
    at += image.u32(at + 16);
  }
  return found;
}

function assertTotal(image: ElfImage, total: number): void {
  if (total > MOST_VERSIONS) throw image.damaged(`it needs ${total} versions, at most ${MOST_VERSIONS} are read`);
}
