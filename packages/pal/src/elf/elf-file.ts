import { InclavareError } from "@inclavare/errors";
import { readDynamicSection } from "./dynamic-section.ts";
import { ElfImage } from "./image.ts";
import { readProgramHeaders } from "./program-headers.ts";
import { readVersionsDefined, readVersionsNeeded, type VersionsNeeded } from "./symbol-versions.ts";

/** What the dynamic loader reads of a library. */
export interface ElfFile {
  /** `x86-64`, `aarch64`, or the number of another machine: `machine 243`. */
  readonly machine: string;
  /** Bits of an address. */
  readonly class: 64;
  /** The name that the library gives itself. */
  readonly soname?: string;
  /** The names of the libraries that it needs, in their order. */
  readonly needed: readonly string[];
  /** Directories for all that is looked for on behalf of it; `$ORIGIN` not replaced. Empty where there is a runpath. */
  readonly rpath: readonly string[];
  /** Directories for what it needs itself; `$ORIGIN` not replaced. */
  readonly runpath: readonly string[];
  /** Versions of symbols that must be there, by the library that must have them. Weak ones are left out. */
  readonly versionsNeeded: readonly VersionsNeeded[];
  /** Versions of symbols that it has. */
  readonly versionsDefined: readonly string[];
}

/** The machines that enclaves run on here, by Node's name for each. */
export const ELF_MACHINES = { x64: "x86-64", arm64: "aarch64" } as const;

/** Larger libraries are refused; the largest library operating systems have some tens of MiB. */
export const ELF_LIMIT_BYTES: number = 256 << 20;

const MAGIC = 0x464c_457f;
const CLASS_64 = 2;
const LITTLE_ENDIAN = 1;
const TYPE_SHARED = 3;
const MACHINE_NAMES: Readonly<Record<number, string>> = {
  62: ELF_MACHINES.x64,
  183: ELF_MACHINES.arm64,
};

/**
 * Reads a shared library: 64-bit little-endian ELF.
 *
 * @param bytes the whole file, at most {@link ELF_LIMIT_BYTES}.
 * @param what names the file in errors.
 * @throws ERR_PAL_NOT_LIBRARY when it is none, or damaged; ERR_PAL_ARCHITECTURE for 32-bit and big-endian ones
 * @see System V ABI, chapters 4 and 5; Linux Standard Base Core, 10.7 (symbol versions)
 */
export function readElf(bytes: Uint8Array, what: string): ElfFile {
  const image = new ElfImage(bytes, what);
  const machine = readHeader(image);
  const { segments, dynamic } = readProgramHeaders(image);
  image.map(segments);
  const section = readDynamicSection(image, dynamic);
  if (section.isProgram) throw new InclavareError("ERR_PAL_NOT_LIBRARY", `${what} is a program, expected a library`);
  const { soname, needed, runpath } = section;
  return {
    machine,
    class: 64,
    ...(soname === undefined ? {} : { soname }),
    needed,
    // The loader does the same: an rpath counts only where there is no runpath.
    rpath: runpath.length > 0 ? [] : section.rpath,
    runpath,
    versionsNeeded: readVersionsNeeded(image, section),
    versionsDefined: readVersionsDefined(image, section),
  };
}

/** @returns the machine's name */
function readHeader(image: ElfImage): string {
  const { what, sizeBytes } = image;
  if (sizeBytes > ELF_LIMIT_BYTES)
    throw image.damaged(`it has ${sizeBytes} bytes, at most ${ELF_LIMIT_BYTES} are read`);
  if (sizeBytes < 20 || image.u32(0) !== MAGIC) {
    throw new InclavareError("ERR_PAL_NOT_LIBRARY", `${what} is not a library: it does not begin as ELF files do`);
  }
  if (image.u8(4) !== CLASS_64 || image.u8(5) !== LITTLE_ENDIAN) {
    const message = `${what} is built for a 32-bit or big-endian machine, expected 64-bit little-endian`;
    throw new InclavareError("ERR_PAL_ARCHITECTURE", message);
  }
  if (image.u16(16) !== TYPE_SHARED) {
    const message = `${what} is not a shared library: its ELF type is ${image.u16(16)}, expected ${TYPE_SHARED}`;
    throw new InclavareError("ERR_PAL_NOT_LIBRARY", message);
  }
  const machine = image.u16(18);
  return MACHINE_NAMES[machine] ?? `machine ${machine}`;
}
