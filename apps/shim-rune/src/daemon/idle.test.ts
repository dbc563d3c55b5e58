import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";
import { watchIdle } from "./idle.ts";

describe("a shim that nobody needs (8.1)", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  it("ends two minutes after the last who came", () => {
    const ended = mock.fn();
    const idle = watchIdle(() => false, ended);
    mock.timers.tick(119_000);
    idle.touch();
    mock.timers.tick(119_000);
    assert.equal(ended.mock.callCount(), 0);
    mock.timers.tick(1_000);
    assert.equal(ended.mock.callCount(), 1);
    idle.close();
  });

  it("stays while it is needed", () => {
    const ended = mock.fn();
    let isNeeded = true;
    const idle = watchIdle(() => isNeeded, ended);
    mock.timers.tick(600_000);
    assert.equal(ended.mock.callCount(), 0);
    isNeeded = false;
    mock.timers.tick(120_000);
    assert.equal(ended.mock.callCount(), 1);
    idle.close();
    mock.timers.tick(600_000);
    assert.equal(ended.mock.callCount(), 1);
  });
});
