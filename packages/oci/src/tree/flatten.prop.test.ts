import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { isInclavareError } from "@inclavare/errors";
import { layerOf, type Sample, tarOf } from "../../test/samples.ts";
import { flattenLayers } from "./flatten.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 100);

/** What one layer says: directories and files that it has, whiteouts, opaque directories. */
interface Model {
  readonly directories: readonly string[];
  readonly files: readonly string[];
  readonly gone: readonly string[];
  readonly opaque: readonly string[];
}

const path = fc.array(fc.constantFrom("a", "b", "c"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));

const parentsOf = (name: string): string[] =>
  name.split("/").map((_part, index, parts) => parts.slice(0, index).join("/"));

/** A layer that does not contradict itself: every parent is a directory of the layer. */
const model = fc
  .record({
    wanted: fc.array(path, { maxLength: 5 }),
    directories: fc.array(path, { maxLength: 2 }),
    gone: fc.array(path, { maxLength: 3 }),
    opaque: fc.array(path, { maxLength: 1 }),
  })
  .map(({ wanted, directories, gone, opaque }): Model => {
    const all = new Set([
      ...directories,
      ...opaque,
      ...[...wanted, ...directories, ...gone, ...opaque].flatMap(parentsOf),
    ]);
    all.delete("");
    return {
      directories: [...all].toSorted(),
      files: [...new Set(wanted)].filter((name) => !all.has(name)),
      gone: [...new Set(gone)],
      opaque,
    };
  });

const below = (name: string, directory: string): boolean => name.startsWith(`${directory}/`);

/** The specification's words: first what is gone from the lower layers goes, then what the layer has comes. */
function apply(lower: ReadonlyMap<string, string>, layer: Model, number: number): Map<string, string> {
  const kept = [...lower].filter(
    ([name]) =>
      !layer.gone.some((gone) => name === gone || below(name, gone)) &&
      !layer.opaque.some((directory) => below(name, directory)),
  );
  const result = new Map(kept);
  for (const name of layer.directories) result.set(name, "directory");
  for (const name of layer.files) {
    for (const other of result.keys()) if (below(other, name)) result.delete(other);
    result.set(name, `${number} ${name}`);
  }
  return result;
}

function samplesOf({ directories, files, gone, opaque }: Model, number: number, order: readonly number[]): Sample[] {
  const marks = gone.map((name) => name.replace(/[^/]*$/u, (last) => `.wh.${last}`));
  const names = [
    ...files.map((name): Sample => ({ name, content: `${number} ${name}` })),
    ...[...marks, ...opaque.map((name) => `${name}/.wh..wh..opq`)].map((name): Sample => ({ name, content: "" })),
  ];
  const shuffled = names.map((sample, index) => ({ sample, key: order[index] ?? 0 })).toSorted((a, b) => a.key - b.key);
  return [
    ...directories.map((name): Sample => ({ name: `${name}/`, type: "directory" })),
    ...shuffled.map(({ sample }) => sample),
  ];
}

it("applies layers as the specification's words say, in whatever order their entries come", async () => {
  const layer = fc.tuple(model, fc.array(fc.integer(), { minLength: 12, maxLength: 12 }));
  await fc.assert(
    fc.asyncProperty(fc.array(layer, { minLength: 1, maxLength: 4 }), async (layers) => {
      const archives = await Promise.all(layers.map(([one, order], number) => tarOf(samplesOf(one, number, order))));
      const tree = await flattenLayers({ layers: archives.map((archive) => layerOf(archive)) });
      const found = new Map<string, string>();
      for (const entry of tree.entries.values()) {
        const content = entry.type === "directory" ? "directory" : Buffer.from(await entry.read()).toString();
        if (entry.path !== "/") found.set(entry.path.slice(1), content);
      }
      await tree.close();
      let expected = new Map<string, string>();
      for (const [number, [one]] of layers.entries()) expected = apply(expected, one, number);
      assert.deepEqual(Object.fromEntries(found), Object.fromEntries(expected));
    }),
    { numRuns },
  );
});

it("never lets a path lead out or through a link, whatever the names are", async () => {
  const name = fc
    .array(fc.constantFrom("a", "b", "..", ".", "", ".wh.a", ".wh..wh..opq", ".wh..", "l"), {
      minLength: 1,
      maxLength: 4,
    })
    .map((parts) => parts.join("/"))
    .filter((text) => text !== "");
  const sample = fc.record({
    name,
    type: fc.constantFrom("file", "directory", "symlink", "link", "fifo"),
    linkname: name,
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(sample, { maxLength: 6 }), { maxLength: 3 }), async (layers) => {
      const archives = await Promise.all(
        layers.map((entries) => tarOf(entries.map((entry) => ({ ...entry, content: "" })))),
      );
      try {
        const tree = await flattenLayers({ layers: archives.map((archive) => layerOf(archive)) });
        for (const { path } of tree.entries.values()) {
          assert.equal(
            path.split("/").some((part) => part === ".." || part === "." || part.startsWith(".wh.")),
            false,
          );
          const parent = path.replace(/\/[^/]*$/u, "") || "/";
          assert.equal(tree.entries.get(parent)?.type, "directory");
        }
        await tree.close();
      } catch (thrown) {
        assert.ok(isInclavareError(thrown), String(thrown));
      }
    }),
    { numRuns },
  );
});
