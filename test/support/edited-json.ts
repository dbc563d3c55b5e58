import fc from "fast-check";

/** One change of a JSON document, at the place to which the steps lead. */
interface Edit {
  /** The how-manieth member or item to enter, at each level. */
  readonly steps: readonly number[];
  readonly action: "set" | "remove" | "rename" | "add";
  readonly value: unknown;
}

/** Values that parsers stumble over, beside arbitrary JSON. */
const AWKWARD: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  0.5,
  1e300,
  255,
  2 ** 32,
  2 ** 53,
  "",
  "/",
  "a\0b",
  "..",
  "\u{1f600}",
  "\ud800",
  "x".repeat(70),
  "A=1",
  [],
  {},
  [null],
  [[]],
  ["a", "a"],
  { path: 1 },
];
const value = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...AWKWARD) },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  { weight: 1, arbitrary: fc.string() },
);

/** Copies of `base` with up to five changes anywhere in them; `words` are further values that mean something to it. */
export function editedJson(base: unknown, words: readonly unknown[] = []): fc.Arbitrary<unknown> {
  const edit: fc.Arbitrary<Edit> = fc.record({
    steps: fc.array(fc.nat({ max: 40 }), { minLength: 1, maxLength: 6 }),
    action: fc.constantFrom("set", "set", "set", "remove", "rename", "add"),
    value: words.length === 0 ? value : fc.oneof(value, fc.constantFrom(...words)),
  });
  return fc.array(edit, { maxLength: 5 }).map((edits) => edits.reduce(apply, structuredClone(base)));
}

function apply(document: unknown, { steps, action, value: to }: Edit): unknown {
  const [step = 0, ...rest] = steps;
  if (typeof document !== "object" || document === null) return to;
  const keys = Object.keys(document);
  const key = keys[step % Math.max(1, keys.length)];
  if (Array.isArray(document)) {
    const index = Number(key ?? 0);
    if (rest.length > 0 && key !== undefined)
      return document.with(index, apply(document[index], { steps: rest, action, value: to }));
    if (action === "remove") return document.toSpliced(index, 1);
    return action === "add" ? [...document, to] : key === undefined ? [to] : document.with(index, to);
  }
  const record = document as Record<string, unknown>;
  if (key === undefined) return { added: to };
  if (rest.length > 0) return { ...record, [key]: apply(record[key], { steps: rest, action, value: to }) };
  if (action === "set") return { ...record, [key]: to };
  const { [key]: taken, ...others } = record;
  if (action === "remove") return others;
  return action === "add" ? { ...record, [`x${step}`]: to } : { ...others, [key.toUpperCase()]: taken };
}

/** Texts of such documents, some with bytes changed, doubled or cut out. */
export function editedText(documents: fc.Arbitrary<unknown>): fc.Arbitrary<string> {
  const splice = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    length: fc.nat({ max: 30 }),
    text: fc.oneof(fc.string({ maxLength: 5 }), fc.constantFrom("", '"', "\\u0065", "{", "[", ",", "\n", '"a":1,')),
    double: fc.boolean(),
  });
  const splices = fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(splice, { maxLength: 3 }) },
  );
  return fc.tuple(documents, splices).map(([document, changes]) =>
    changes.reduce((text, { at, length, text: put, double }) => {
      const from = Math.floor(at * text.length);
      const cut = text.slice(from, from + length);
      return text.slice(0, from) + (double ? cut + cut : put) + text.slice(from + length);
    }, JSON.stringify(document)),
  );
}
