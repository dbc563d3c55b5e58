import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { isInclavareError } from "@inclavare/errors";
import { collect, pieces } from "../../test/samples.ts";
import { sortByPath } from "../tree/path.ts";
import type { TarInput } from "../tree/types.ts";
import { decodePax, encodePax } from "./pax.ts";
import { packTar } from "./pack.ts";
import { TarReader } from "./read.ts";
import { StreamSource } from "./source.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 150);

const component = fc
  .oneof(fc.stringMatching(/^[a-z.-]{1,8}$/u), fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }))
  .map((name) => name.replaceAll(/[/\0]/gu, "_"))
  .filter((name) => name !== "." && name !== ".." && name.isWellFormed() && Buffer.byteLength(name) <= 255);
const path = fc.array(component, { minLength: 1, maxLength: 8 }).map((parts) => `/${parts.join("/")}`);
const id = fc.integer({ min: 0, max: 0xff_ff_ff_fe });
const file = fc.record({
  path,
  type: fc.constant("file" as const),
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: id,
  gid: id,
  mtimeSeconds: fc.integer({ min: -(2 ** 40), max: 2 ** 40 }),
  content: fc.uint8Array({ maxLength: 1500 }),
  xattrs: fc.dictionary(fc.stringMatching(/^[a-z.]{1,20}$/u), fc.uint8Array({ minLength: 1, maxLength: 30 })),
});

it("reads back what it packs, in pieces of any size", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(file, { maxLength: 6, selector: (entry) => entry.path }),
      fc.integer({ min: 1, max: 2000 }),
      async (files, size) => {
        const inputs = files.map((entry): TarInput => ({ ...entry, xattrs: new Map(Object.entries(entry.xattrs)) }));
        const archive = await collect(packTar(inputs));
        const reader = new TarReader(new StreamSource(pieces(archive, size)), "archive");
        const found: unknown[] = [];
        for (let member = await reader.next(); member !== undefined; member = await reader.next()) {
          const { name, type, mode, uid, gid, mtimeSeconds } = member;
          const content = new Uint8Array(await collect(reader.content()));
          const xattrs = [...member.xattrs].map(([key, value]) => [key, [...value]]);
          found.push({ path: `/${name}`, type, mode, uid, gid, mtimeSeconds, content, xattrs });
        }
        const expected = sortByPath(files).map((entry) => {
          const sorted = Object.entries(entry.xattrs).toSorted(([left], [right]) => (left < right ? -1 : 1));
          return { ...entry, xattrs: sorted.map(([key, value]) => [key, [...value]]) };
        });
        assert.deepEqual(found, expected);
      },
    ),
    { numRuns },
  );
});

it("gives members or a coded error for any change of an archive, and for any bytes", async () => {
  const valid = await collect(
    packTar([
      { path: "/a", type: "directory", mode: 0o755, uid: 1, gid: 2, mtimeSeconds: 3 },
      {
        path: `/a/${"ä".repeat(100)}`,
        type: "file",
        mode: 0o644,
        uid: 1,
        gid: 2,
        mtimeSeconds: 3,
        content: Buffer.from("x"),
      },
    ]),
  );
  const changed = fc
    .array(fc.tuple(fc.integer({ min: 0, max: valid.byteLength - 1 }), fc.integer({ min: 0, max: 255 })), {
      maxLength: 4,
    })
    .map((changes): Uint8Array => {
      const copy = Buffer.from(valid);
      for (const [offset, byte] of changes) copy[offset] = byte;
      return copy;
    });
  await fc.assert(
    fc.asyncProperty(fc.oneof(changed, fc.uint8Array({ maxLength: 2000 })), async (bytes) => {
      try {
        const reader = new TarReader(new StreamSource(pieces(bytes, 700)), "archive");
        while ((await reader.next()) !== undefined) await collect(reader.content());
      } catch (thrown) {
        assert.ok(isInclavareError(thrown), String(thrown));
      }
    }),
    { numRuns: numRuns * 2 },
  );
});

it("reads pax records back, and refuses or reads any bytes", () => {
  const key = fc.stringMatching(/^[A-Za-z.]{1,12}$/u);
  fc.assert(
    fc.property(fc.dictionary(key, fc.uint8Array({ maxLength: 120 })), (records) => {
      const encoded = encodePax(new Map(Object.entries(records)));
      const decoded = Object.fromEntries(decodePax(encoded, "header"));
      assert.deepEqual({ ...decoded }, { ...records });
      assert.deepEqual(encodePax(decodePax(encoded, "header")), encoded);
    }),
    { numRuns },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        decodePax(bytes, "header");
      } catch (thrown) {
        assert.ok(isInclavareError(thrown, "ERR_OCI_LAYER"));
      }
    }),
    { numRuns },
  );
});
