import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  causeChain,
  formatForPerson,
  formatOneLine,
  InclavareError,
  isInclavareError,
  toInclavareError,
} from "./index.ts";

describe("InclavareError", () => {
  const inner = new Error("ENOENT: no such file");
  const error = new InclavareError("ERR_FILE", "cannot read config.json", { cause: inner });

  it("takes its kind from the table", () => assert.equal(error.kind, "failed-precondition"));

  it("keeps the cause chain in order and without repeats", () => {
    const outer = new InclavareError("ERR_INTERNAL", "cannot read config.json", { cause: error });
    assert.deepEqual(causeChain(outer), ["cannot read config.json", "ENOENT: no such file"]);
  });

  it("survives a circular cause", () => {
    const circular = new Error("a");
    circular.cause = circular;
    assert.deepEqual(causeChain(circular), ["a"]);
  });

  it("prints one line for logs and one line a cause for people", () => {
    assert.equal(formatOneLine(error), "cannot read config.json: ENOENT: no such file (ERR_FILE)");
    assert.equal(formatForPerson(error), "cannot read config.json [ERR_FILE]\n  caused by: ENOENT: no such file");
  });

  it("is returned as it is by toInclavareError", () => {
    assert.equal(toInclavareError(error), error);
    assert.equal(toInclavareError("x").code, "ERR_INTERNAL");
    assert.equal(isInclavareError(error, "ERR_FILE"), true);
    assert.equal(isInclavareError(error, "ERR_USAGE"), false);
  });
});
