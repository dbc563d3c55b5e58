/** Two programs that decide by the same rules: whatever the launcher hands over, rune hands over to the same program. */
import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { type CommandShape, COMMANDS, GLOBAL_FLAGS } from "../../apps/rune/src/flags.ts";
import { Launched, PLAIN_CONFIG } from "../support/launched.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 200);

/** A flag in one of the ways to write it, its value perhaps not there. */
function flagsOf({ flags, short }: CommandShape): fc.Arbitrary<readonly string[]> {
  const names = fc.constantFrom(...Object.keys(flags), ...Object.keys(short), "unknown");
  const values = fc.constantFrom("plain", "annotated", "ours", "c1", "1", "true", "false", "");
  return fc.tuple(fc.constantFrom("-", "--", "---"), names, values, fc.nat(2)).map(([dashes, name, value, form]) => {
    if (form === 0) return [`${dashes}${name}`];
    return form === 1 ? [`${dashes}${name}`, value] : [`${dashes}${name}=${value}`];
  });
}

const NOISE = fc.constantFrom("c1", "ours", "x/y", "/", ".", "..", "-", "--", "", "-ours", "plain", "=", "--=", "é");
const COMMAND_LINES = fc
  .constantFrom(...COMMANDS.keys(), "ps", "events", "pause", "resume", "help", "nonsense")
  .chain((command) => {
    const word = fc.oneof(
      NOISE.map((noise) => [noise]),
      flagsOf(COMMANDS.get(command) ?? GLOBAL_FLAGS),
    );
    const globals = fc.array(flagsOf(GLOBAL_FLAGS), { maxLength: 2 });
    return fc.tuple(globals, fc.constant([command]), fc.array(word, { maxLength: 5 })).map((parts) => parts.flat(2));
  });

const VALUES = fc.constantFrom(
  '"/p"',
  "'/p'",
  '"p"',
  "true",
  "false",
  "[]",
  '["/a", "/b"]',
  '["/a"\n,\n]',
  '""',
  '"tsm"',
  "1",
  "0",
  "01",
  "1_0",
  "+1",
  "1000000000",
  "{}",
);
const LINES = fc.oneof(
  fc.constantFrom(
    "[rune]",
    "[attesterd]",
    "[conversion]",
    "[rune.default_enclave]",
    "[ rune ]",
    "[[rune]]",
    "# ü",
    "",
    "\t",
    " #",
  ),
  fc
    .tuple(
      fc.constantFrom(
        "payload",
        "pals",
        "pal_library_paths",
        "require_enclave",
        "socket",
        "platform",
        "evidence",
        "tsm",
        "cache",
        "cache_limit_mib",
        "signing_key",
        "folder",
        "other",
        '"pals"',
      ),
      fc.constantFrom("=", " = ", "\t=", "==", " "),
      VALUES,
      fc.constantFrom("", " ", " # x", ", ", "x"),
    )
    .map((parts) => parts.join("")),
);

const PIECES = fc.constantFrom(
  "enclave",
  "ENCLAVE",
  "encl",
  "ave",
  ".",
  "_",
  "\\",
  '"',
  "é",
  String.raw`\u0065`,
  String.raw`\u002e`,
  String.raw`\u005F`,
  String.raw`\u0026`,
  String.raw`\u001`,
);

describe("bin/rune hands over no more than rune", () => {
  let place: Launched;
  let handed = 0;
  before(() => {
    place = new Launched();
    place.bundle("annotated", PLAIN_CONFIG.replace("{", '{"annotations":{"enclave.type":"simulated"},'));
  });
  beforeEach(() => {
    handed = 0;
    place.configure(place.baseConfig);
  });
  after(() => place[Symbol.dispose]());

  function assertAgreed(argv: readonly string[]): void {
    const { who, program, argv: passed } = place.call(argv);
    assert.notEqual(who, "refused");
    if (who === "rune") return;
    handed += 1;
    assert.deepEqual(passed, ["runc", ...argv]);
    assert.equal(place.handedOverTo(argv), program);
  }

  it("for any command line", () => {
    fc.assert(fc.property(COMMAND_LINES, assertAgreed), { numRuns });
    assert.notEqual(handed, 0);
  });

  it("for any configuration", () => {
    const texts = fc.tuple(
      fc.array(LINES, { maxLength: 4 }),
      fc.constantFrom("state", "create"),
      fc.nat(400),
      fc.nat(9),
    );
    fc.assert(
      fc.property(texts, ([lines, command, position, cut]) => {
        const text = `${place.baseConfig}${lines.join("\n")}\n`;
        // Most are left whole; some lose a few characters somewhere.
        place.configure(cut > 4 ? text : text.slice(0, position) + text.slice(position + cut));
        assertAgreed([command, "-b", "plain", "c1"]);
      }),
      { numRuns },
    );
    assert.notEqual(handed, 0);
  });

  it("for any config.json", () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(PIECES, fc.string()), { maxLength: 6 }), (pieces) => {
        place.bundle("any", pieces.join(""));
        assertAgreed(["create", "--bundle", "any", "c1"]);
      }),
      { numRuns },
    );
    assert.notEqual(handed, 0);
  });
});
