import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ERROR_CODES, type ErrorCode } from "@inclavare/errors";
import { ADVICE, adviceOn } from "./advice.ts";

describe("advice", () => {
  const codes = Object.keys(ERROR_CODES) as ErrorCode[];

  it("is there for every code that evidence, collateral, policy or a token can be refused with", () => {
    const withCause = codes.filter((code) => ERROR_CODES[code].cause !== undefined);
    assert.ok(withCause.length > 80);
    assert.deepEqual(
      withCause.filter((code) => !Object.hasOwn(ADVICE, code)),
      [],
    );
  });

  it("is there for no other", () => {
    assert.deepEqual(
      codes.filter((code) => ERROR_CODES[code].cause === undefined && Object.hasOwn(ADVICE, code)),
      [],
    );
  });

  it("has whole sentences, in one line, that do not repeat one another", () => {
    for (const [code, { means, todo }] of Object.entries(ADVICE)) {
      for (const text of [means, todo]) assert.match(text, /^[A-Z-][^\n]{12,}\.$/u, code);
      assert.notEqual(means, todo, code);
    }
  });

  it("calls every other code a fault of this side", () => {
    assert.match(adviceOn("ERR_INTERNAL").means, /says nothing about the evidence/u);
  });
});
