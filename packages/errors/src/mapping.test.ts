import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ERROR_CODES,
  type ErrorCode,
  type ErrorKind,
  InclavareError,
  toExitCode,
  toHttpProblem,
  toTtrpcStatus,
} from "./index.ts";

/** Every kind that any code has, and what each of the three mappings must say of it. */
const EXPECTED: Readonly<Record<ErrorKind, readonly [ttrpc: number, http: number]>> = {
  cancelled: [1, 499],
  "invalid-argument": [3, 400],
  "deadline-exceeded": [4, 504],
  "not-found": [5, 404],
  "already-exists": [6, 409],
  "permission-denied": [7, 403],
  "resource-exhausted": [8, 429],
  "failed-precondition": [9, 412],
  "not-implemented": [12, 501],
  internal: [13, 500],
  unavailable: [14, 503],
  "data-loss": [15, 500],
  unauthenticated: [16, 401],
};

describe("mappings", () => {
  for (const [code, entry] of Object.entries(ERROR_CODES) as [ErrorCode, (typeof ERROR_CODES)[ErrorCode]][]) {
    it(`maps ${code} by its kind ${entry.kind}`, () => {
      const error = new InclavareError(code, "x");
      const [ttrpc, http] = EXPECTED[entry.kind];
      assert.equal(toTtrpcStatus(error).code, ttrpc);
      assert.equal(toHttpProblem(error).status, http);
      assert.match(entry.summary, /\.$/, "a summary is a sentence");
      const expectedExit =
        code === "ERR_USAGE" ? 2 : { evidence: 3, collateral: 4, policy: 5, none: 1 }[entry.cause ?? "none"];
      assert.equal(toExitCode(error), expectedExit);
    });
  }

  it("takes anything that was thrown for an internal error", () => {
    assert.equal(toExitCode("boom"), 1);
    assert.equal(toHttpProblem(new TypeError("boom")).code, "ERR_INTERNAL");
  });

  it("never sends the cause to a remote caller", () => {
    const error = new InclavareError("ERR_FILE", "cannot read the key", { cause: new Error("/secret/path") });
    assert.doesNotMatch(JSON.stringify([toHttpProblem(error), toTtrpcStatus(error)]), /secret/);
  });
});
