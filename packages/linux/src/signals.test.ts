import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ALL_CATCHABLE_SIGNALS, signalName, signalNumber } from "./index.ts";

describe("signalNumber", () => {
  for (const [text, expected] of [
    ["TERM", 15],
    ["sigterm", 15],
    ["15", 15],
    ["KILL", 9],
    ["RTMIN", 34],
    ["RTMIN+3", 37],
    ["SIGRTMAX-1", 63],
    ["64", 64],
  ] as const) {
    it(`reads ${text}`, () => assert.equal(signalNumber(text), expected));
  }
  for (const text of ["", "0", "65", "-9", "TERMINATE", "RTMIN+31", "RTMAX+1", "9.5"]) {
    it(`refuses "${text}"`, () => assert.throws(() => signalNumber(text), { code: "ERR_SIGNAL_UNKNOWN" }));
  }
});

describe("signalName", () => {
  it("is what signalNumber reads", () => {
    for (const signal of ALL_CATCHABLE_SIGNALS) assert.equal(signalNumber(signalName(signal)), signal);
  });
});

it("the catchable signals are neither KILL, STOP, faults nor libc's own", () => {
  for (const signal of [9, 19, 11, 32, 33]) assert.equal(ALL_CATCHABLE_SIGNALS.includes(signal), false);
});
