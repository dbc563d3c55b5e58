import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fromWireError, InclavareError, toWireError } from "./index.ts";

describe("wire form", () => {
  it("keeps code, message and details, and drops the cause", () => {
    const error = new InclavareError("ERR_FILE", "cannot read x", {
      cause: new Error("secret"),
      details: { path: "x" },
    });
    const wire = JSON.stringify(toWireError(error));
    assert.doesNotMatch(wire, /secret/);
    const back = fromWireError(JSON.parse(wire));
    assert.equal(back.code, "ERR_FILE");
    assert.equal(back.message, "cannot read x");
    assert.deepEqual(back.details, { path: "x" });
  });

  it("takes an unknown code, or one from the prototype chain, for an internal error", () => {
    for (const code of ["ERR_OF_A_NEWER_RELEASE", "toString", 7]) {
      assert.equal(fromWireError({ code, message: "m" }).code, "ERR_INTERNAL");
    }
  });

  it("never throws, whatever the peer sends", () => {
    fc.assert(fc.property(fc.jsonValue(), (value) => fromWireError(value) instanceof InclavareError));
  });
});
