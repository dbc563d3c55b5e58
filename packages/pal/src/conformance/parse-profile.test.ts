import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { parseProfile } from "./parse-profile.ts";
import { DEFAULT_PROFILE } from "./profile.ts";

const exits = { path: "/bin/sh", argv: ["sh", "-c", "exit {}"] };

function refused(value: unknown): unknown {
  try {
    parseProfile(JSON.stringify(value), "profile");
  } catch (error) {
    assert.ok(isInclavareError(error, "ERR_PAL_PROFILE"), String(error));
    return error.details["path"];
  }
  throw new assert.AssertionError({ message: `${JSON.stringify(value)} was taken` });
}

describe("parseProfile", () => {
  it("takes what is left out from the default", () => {
    assert.deepEqual(parseProfile("{}", "profile"), DEFAULT_PROFILE);
    assert.deepEqual(parseProfile(JSON.stringify(DEFAULT_PROFILE), "profile"), DEFAULT_PROFILE);
    const { init, signal } = parseProfile('{"init": {"args": "instance=/x"}, "signal": 9}', "profile");
    assert.deepEqual(init, { args: "instance=/x", logLevel: "info" });
    assert.equal(signal, 9);
  });

  it("takes the programs as a whole", () => {
    const shows = { path: "/bin/env", argv: ["env"], shows: "{}\n" };
    const { programs } = parseProfile(JSON.stringify({ programs: { exits, environment: shows } }), "profile");
    assert.deepEqual(programs, { exits, environment: shows });
  });

  it("names the field that is wrong", () => {
    assert.equal(refused([]), "the whole");
    assert.equal(refused({ deadline: 1 }), "deadline");
    assert.equal(refused({ deadlineMs: 0 }), "deadlineMs");
    assert.equal(refused({ signal: 65 }), "signal");
    assert.equal(refused({ init: { args: 1 } }), "init.args");
    assert.equal(refused({ programs: {} }), "programs.exits");
    assert.equal(refused({ programs: { exits: { path: "/x" } } }), "programs.exits.argv");
    assert.equal(refused({ programs: { exits: { path: "/x", argv: ["\0"] } } }), "programs.exits.argv");
    assert.equal(refused({ programs: { exits: { ...exits, shows: "" } } }), "programs.exits.shows");
    assert.equal(refused({ programs: { exits, arguments: exits } }), "programs.arguments.shows");
  });

  it("reads any text or refuses it with a code", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseProfile(text, "profile");
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_PAL_PROFILE"), String(error));
        }
      }),
    );
  });
});
