import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { readElf } from "./elf-file.ts";
import { parseLoaderCache } from "./loader-cache.ts";

const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
/** A small one, so that a change of a few bytes meets something that is read. */
const LIBRARY = readFileSync(sharedObjects.find((path) => /\/lib(dl|pthread)[.-].*so/u.test(path)) ?? "");

function readsOrRefuses(bytes: Uint8Array): void {
  try {
    readElf(bytes, "library");
  } catch (error) {
    assert.ok(isInclavareError(error), String(error));
  }
}

describe("readElf", () => {
  it("reads any bytes or refuses them with a code", () => {
    const magic = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1);
    fc.assert(fc.property(fc.uint8Array(), readsOrRefuses));
    fc.assert(fc.property(fc.uint8Array(), (rest) => readsOrRefuses(Buffer.concat([magic, rest]))));
  });

  it("reads an altered library or refuses it with a code", () => {
    const place = fc.nat({ max: LIBRARY.length - 1 });
    const change = fc.tuple(fc.oneof(fc.nat({ max: 700 }), place), fc.uint8Array({ minLength: 1, maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.option(place), (changes, length) => {
        const copy = Buffer.from(LIBRARY.subarray(0, length ?? LIBRARY.length));
        for (const [offset, bytes] of changes)
          if (offset < copy.length) copy.set(bytes.subarray(0, copy.length - offset), offset);
        readsOrRefuses(copy);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("parseLoaderCache", () => {
  it("takes any bytes", () => {
    const starts = fc.constantFrom("", "glibc-ld.so.cache1.1", "ld.so-1.7.0");
    fc.assert(
      fc.property(starts, fc.uint8Array({ maxLength: 300 }), (start, rest) => {
        parseLoaderCache(Buffer.concat([Buffer.from(start), rest]), "x86-64");
      }),
      { numRuns: 1000 },
    );
  });
});
