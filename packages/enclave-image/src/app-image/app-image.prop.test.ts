import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type AppImageInput, buildAppImage, decodeAppImage } from "../index.ts";
import { InclavareError } from "@inclavare/errors";

const numRuns = Number(process.env["NUM_RUNS"] ?? 60);

const name = fc
  .string({ unit: fc.constantFrom("a", "b", "-", ".", "é", "\u0001", "😀"), minLength: 1, maxLength: 4 })
  .filter((text) => text !== "." && text !== "..");
const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/${names.join("/")}`);
const facts = fc.record({
  mode: fc.integer({ min: 0, max: 0o7777 }),
  uid: fc.integer({ min: 0, max: 0xffff_ffff }),
  gid: fc.integer({ min: 0, max: 0xffff_ffff }),
  mtimeSeconds: fc.maxSafeInteger(),
});
const content = fc.oneof(
  fc.record({ type: fc.constant("file" as const), bytes: fc.uint8Array({ maxLength: 20 }) }),
  fc.record({ type: fc.constant("file" as const), bytes: fc.constantFrom(4095, 4096, 4097).map(filled) }),
  fc.record({ type: fc.constant("directory" as const) }),
  fc.record({
    type: fc.constant("symlink" as const),
    target: fc.string({ minLength: 1, maxLength: 9 }).filter(isText),
  }),
);

function filled(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(length);
}

function isText(text: string): boolean {
  return !text.includes("\0");
}

type Facts = Pick<AppImageInput, "mode" | "uid" | "gid" | "mtimeSeconds">;
type Content =
  | { readonly type: "file"; readonly bytes: Uint8Array }
  | { readonly type: "directory" }
  | { readonly type: "symlink"; readonly target: string };

function toInput(path: string, common: Facts, drawn: Content): AppImageInput {
  const bytes = drawn.type === "file" ? drawn.bytes : new Uint8Array();
  const target = drawn.type === "symlink" ? { target: drawn.target } : {};
  return { path, type: drawn.type, ...common, sizeBytes: bytes.byteLength, ...target, read: async () => bytes };
}

/** A tree of any shape: what is drawn below something else than a directory is left out, what is missing is made. */
const tree = fc.dictionary(path, fc.tuple(facts, content), { maxKeys: 12 }).map((drawn) => {
  const inputs = new Map<string, AppImageInput>();
  const root: Facts = { mode: 0o755, uid: 0, gid: 0, mtimeSeconds: 0 };
  inputs.set("/", toInput("/", root, { type: "directory" }));
  for (const [place, [common, what]] of Object.entries(drawn).toSorted(([a], [b]) => a.length - b.length)) {
    const names = place.slice(1).split("/");
    const above = names.slice(0, -1).map((_, index) => `/${names.slice(0, index + 1).join("/")}`);
    if (above.some((folder) => (inputs.get(folder)?.type ?? "directory") !== "directory")) continue;
    for (const folder of above) {
      if (!inputs.has(folder)) inputs.set(folder, toInput(folder, root, { type: "directory" }));
    }
    if (!inputs.has(place)) inputs.set(place, toInput(place, common, what));
  }
  return [...inputs.values()];
});

describe("application image", () => {
  it("decodes to the entries and contents that it was built of, and builds to the same bytes again", async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (inputs) => {
        const bytes = await buildAppImage(inputs);
        const image = decodeAppImage(bytes);
        assert.equal(image.entries.size, inputs.length);
        for (const { read, ...entry } of inputs) {
          assert.deepEqual(image.entries.get(entry.path), entry);
          assert.deepEqual(Uint8Array.from(image.read(entry)), Uint8Array.from(await read()));
        }
        const again = [...image.entries.values()].map((entry) => ({ ...entry, read: async () => image.read(entry) }));
        assert.deepEqual(await buildAppImage(again), bytes);
      }),
      { numRuns },
    );
  });

  it("with any byte altered, decodes or is refused with ERR_APP_IMAGE, and never gives bytes from outside", async () => {
    await fc.assert(
      fc.asyncProperty(tree, fc.nat(), fc.integer({ min: 1, max: 255 }), async (inputs, at, change) => {
        const bytes = Buffer.from(await buildAppImage(inputs));
        const offset = at % Math.min(bytes.length, 2048);
        bytes.writeUInt8(bytes.readUInt8(offset) ^ change, offset);
        assertDecodesOrRefuses(bytes);
      }),
      { numRuns: numRuns * 4 },
    );
  });

  it("of any bytes behind a sound header, decodes or is refused with ERR_APP_IMAGE", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 0, max: 6 }), (index, entries) => {
        const bytes = Buffer.alloc(4096);
        bytes.write("INCLAPP\0", "latin1");
        bytes.writeUInt32LE(1, 8);
        bytes.writeUInt32LE(entries, 12);
        bytes.writeBigUInt64LE(BigInt(index.length), 16);
        bytes.writeBigUInt64LE(4096n, 24);
        bytes.set(index, 64);
        assertDecodesOrRefuses(bytes);
      }),
      { numRuns: numRuns * 4 },
    );
  });
});

function assertDecodesOrRefuses(bytes: Buffer): void {
  try {
    const image = decodeAppImage(bytes);
    for (const entry of image.entries.values()) assert.equal(image.read(entry).byteLength, entry.sizeBytes);
  } catch (error) {
    assert.ok(error instanceof InclavareError && error.code === "ERR_APP_IMAGE", String(error));
  }
}
