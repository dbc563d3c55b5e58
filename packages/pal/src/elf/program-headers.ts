import type { ElfImage, Segment } from "./image.ts";

/** Where the dynamic section lies in the file (PT_DYNAMIC). */
export interface DynamicPlace {
  readonly offset: number;
  readonly fileBytes: number;
}

const TYPE_LOAD = 1;
const TYPE_DYNAMIC = 2;
const HEADER_BYTES = 56;
const MOST_HEADERS = 1024;

/** Reads the program headers: `e_phoff`, `e_phentsize` and `e_phnum` of the ELF header tell where they are. */
export function readProgramHeaders(image: ElfImage): { segments: readonly Segment[]; dynamic: DynamicPlace } {
  const table = image.size(32, "the place of its program headers");
  const [entryBytes, count] = [image.u16(54), image.u16(56)];
  if (entryBytes !== HEADER_BYTES) {
    throw image.damaged(`its program headers have ${entryBytes} bytes, expected ${HEADER_BYTES}`);
  }
  if (count > MOST_HEADERS) throw image.damaged(`it has ${count} program headers, at most ${MOST_HEADERS} are read`);
  const segments: Segment[] = [];
  let dynamic: DynamicPlace | undefined;
  for (let at = table; at < table + count * HEADER_BYTES; at += HEADER_BYTES) {
    const type = image.u32(at);
    if (type !== TYPE_LOAD && type !== TYPE_DYNAMIC) continue;
    const offset = image.size(at + 8, "the place of a segment");
    const fileBytes = image.size(at + 32, "the length of a segment");
    if (offset + fileBytes > image.sizeBytes) throw image.damaged("a segment ends after the file");
    if (type === TYPE_DYNAMIC) dynamic = { offset, fileBytes };
    else segments.push({ offset, address: image.u64(at + 16), fileBytes });
  }
  if (dynamic === undefined) throw image.damaged("it has no dynamic section");
  return { segments, dynamic };
}
