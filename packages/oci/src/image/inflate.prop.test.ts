import assert from "node:assert/strict";
import { it } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { isInclavareError } from "@inclavare/errors";
import { collect, pieces } from "../../test/samples.ts";
import { inflate } from "./inflate.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 60);
const packers = { gzip: gzipSync, zstd: zstdCompressSync } as const;
const kind = fc.constantFrom("gzip" as const, "zstd" as const);
/** Contents of which some compress well and fill many of a decoder's buffers. */
const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .tuple(fc.integer({ min: 0, max: 200_000 }), fc.nat(255))
    .map(([length, byte]) => new Uint8Array(length).fill(byte)),
);

it("gives back what was compressed, in any number of parts, in pieces of any size", async () => {
  await fc.assert(
    fc.asyncProperty(
      kind,
      fc.array(content, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 900 }),
      async (kind, parts, size) => {
        const stored = Buffer.concat(parts.map((part) => packers[kind](part)));
        assert.deepEqual(await collect(inflate(pieces(stored, size), kind, "sample")), Buffer.concat(parts));
      },
    ),
    { numRuns },
  );
});

it("passes over skippable zstd frames", async () => {
  const skippable = Buffer.from("502a4d1804000000deadbeef", "hex");
  const frames = [
    skippable,
    zstdCompressSync(Buffer.from("a")),
    skippable,
    skippable,
    zstdCompressSync(Buffer.from("b")),
    skippable,
  ];
  for (const size of [1, 3, 1000]) {
    assert.equal((await collect(inflate(pieces(Buffer.concat(frames), size), "zstd", "sample"))).toString(), "ab");
  }
});

it("ends, in time and with a coded error at worst, for damaged and cut-off input", async () => {
  const change = fc.record({ offset: fc.nat(400), byte: fc.nat(255), cut: fc.nat(400) });
  await fc.assert(
    fc.asyncProperty(
      kind,
      content,
      change,
      fc.integer({ min: 1, max: 200 }),
      async (kind, bytes, { offset, byte, cut }, size) => {
        const stored = packers[kind](bytes).subarray(0, cut);
        if (offset < stored.byteLength) stored[offset] = byte;
        try {
          await collect(inflate(pieces(stored, size), kind, "sample"));
        } catch (thrown) {
          assert.ok(isInclavareError(thrown, "ERR_OCI_LAYER"), String(thrown));
        }
      },
    ),
    { numRuns },
  );
});
