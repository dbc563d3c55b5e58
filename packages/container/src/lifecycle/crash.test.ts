import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { InclavareError, isInclavareError } from "@inclavare/errors";
import { pathsBelow } from "../paths.ts";
import { reasonOfCrash } from "./crash.ts";

describe("reasonOfCrash", () => {
  const directory = mkdtempSync(join(tmpdir(), "inclavare-crash-"));
  after(() => rmSync(directory, { recursive: true, force: true }));
  const paths = pathsBelow(directory);
  const ended = new InclavareError("ERR_RUNELET_ENDED", "ended");

  it("leaves an error alone where no report tells more", () => {
    assert.equal(reasonOfCrash(paths, ended), ended);
    writeFileSync(paths.crash, "");
    assert.equal(reasonOfCrash(paths, ended), ended);
  });

  it("names the signal and the call, and leaves other errors alone", () => {
    writeFileSync(paths.crash, "signal 11 in pal_init\n");
    const reason = reasonOfCrash(paths, ended);
    assert.ok(isInclavareError(reason, "ERR_PAL_CRASHED"));
    assert.deepEqual(reason.details, { signal: "SIGSEGV", call: "pal_init" });
    const other = new InclavareError("ERR_DEADLINE", "late");
    assert.equal(reasonOfCrash(paths, other), other);
  });
});
