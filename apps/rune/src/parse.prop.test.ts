import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type CommandShape, COMMANDS, type FlagKind, GLOBAL_FLAGS } from "./flags.ts";
import { parseInvocation } from "./parse.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 500);

const STRANGE = ["-", "--", "---x", "--=", "-=x", "--root", "--constructor", "--__proto__=1", "", "id", "\n"];

interface Written {
  readonly name: string;
  readonly value: string;
  readonly words: readonly string[];
}

const VALUES: Readonly<Record<FlagKind, fc.Arbitrary<string>>> = {
  value: fc.string(),
  list: fc.string(),
  number: fc.nat().map(String),
  switch: fc.constantFrom("true", "false", "1", "0", "T", "F"),
};

/** A flag in one of the ways in which it can be written. */
function flagOf({ flags, short }: CommandShape): fc.Arbitrary<Written> {
  const each = Object.entries(flags).map(([name, kind]) => {
    const letters = Object.entries(short).filter(([, long]) => long === name);
    const spellings = [name, ...letters.map(([letter]) => letter)].flatMap((word) => [`-${word}`, `--${word}`]);
    return fc.tuple(fc.constantFrom(...spellings), fc.boolean(), VALUES[kind]).map(([flag, joined, value]): Written => {
      if (kind === "switch" && !joined) return { name, value: "true", words: [flag] };
      return { name, value, words: joined ? [`${flag}=${value}`] : [flag, value] };
    });
  });
  return fc.oneof(...each);
}

function collect(flags: readonly Written[]): Record<string, string[]> {
  return Object.fromEntries(
    flags.map(({ name }) => [name, flags.filter((flag) => flag.name === name).map(({ value }) => value)]),
  );
}

describe("command lines", () => {
  const globalFlags = fc.array(flagOf(GLOBAL_FLAGS), { maxLength: 4 });
  const ids = fc.array(fc.constantFrom("id", "c1", "sh", "0"), { maxLength: 3 });
  const commands = [...COMMANDS]
    .filter(([, shape]) => Object.keys(shape.flags).length > 0)
    .map(([name, shape]) => fc.tuple(fc.constant(name), fc.array(flagOf(shape), { maxLength: 5 })));
  const command = fc.tuple(fc.oneof(...commands), globalFlags, ids);

  it("mean what was written, in whatever way", () => {
    fc.assert(
      fc.property(command, ([[name, flags], globals, positionals]) => {
        const words = [globals.flatMap((flag) => flag.words), name, flags.flatMap((flag) => flag.words), positionals];
        const parsed = parseInvocation(words.flat());
        assert.equal(parsed.command, name);
        assert.deepEqual(Object.fromEntries(parsed.globals.values), collect(globals));
        assert.deepEqual(Object.fromEntries(parsed.flags?.values ?? []), collect(flags));
        assert.deepEqual(parsed.flags?.positionals, positionals);
        assert.deepEqual([...parsed.globals.problems, ...(parsed.flags?.problems ?? [])], []);
      }),
      { numRuns },
    );
  });

  it("of any words are taken apart without loss: what is no flag and no value is a positional or a problem", () => {
    const vocabulary = fc.constantFrom(
      ...[...COMMANDS.keys(), ...COMMANDS.values().flatMap(({ flags }) => Object.keys(flags))].flatMap((word) => [
        word,
        `--${word}`,
        `-${word}=x`,
      ]),
      ...STRANGE,
    );
    fc.assert(
      fc.property(fc.array(fc.oneof(vocabulary, fc.string()), { maxLength: 12 }), (argv) => {
        const { globals, command: name, flags } = parseInvocation(argv);
        const words = [globals, ...(flags === undefined ? [] : [flags])].flatMap((level) => [
          ...level.positionals,
          ...level.problems,
          ...[...level.values].flat(2),
        ]);
        assert.ok(words.every((word) => typeof word === "string"));
        assert.equal(name, globals.positionals[0]);
        assert.ok(globals.positionals.every((word) => argv.includes(word)));
      }),
      { numRuns },
    );
  });
});
