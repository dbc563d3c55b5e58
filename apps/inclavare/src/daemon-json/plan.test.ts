import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Files, type Plan, planInstall, planUndo } from "./plan.ts";

const RUNTIME = { name: "rune", path: "/usr/local/bin/rune" };
const NOTHING = { isDefault: false, isForced: false, what: "daemon.json" };

describe("planUndo", () => {
  const text = '{\n  "debug": true\n}\n';
  const second = { name: "rune-wasm", path: "/opt/rune" };

  it("gives the file back as it was only when the last of two runtimes goes, in either order", () => {
    const one = planInstall({ text, record: undefined }, RUNTIME, NOTHING);
    const two = planInstall(one, second, { ...NOTHING, isDefault: true });
    for (const [first, last] of [
      [RUNTIME, second],
      [second, RUNTIME],
    ] as const) {
      const between = planUndo(two, first, "daemon.json");
      assert.match(between.text ?? "", new RegExp(`"${last.name}"`, "u"));
      const { text: end, record } = planUndo(between, last, "daemon.json");
      assert.deepEqual({ end, record }, { end: text, record: undefined });
    }
  });

  it("removes a file that was not there, also after a second installation", () => {
    const one = planInstall({ text: undefined, record: undefined }, RUNTIME, NOTHING);
    const two = planInstall(one, RUNTIME, { ...NOTHING, isDefault: true });
    assert.equal(undo(two).text, undefined);
  });

  it("keeps an edit that was made between two installations", () => {
    const one = planInstall({ text: undefined, record: undefined }, RUNTIME, NOTHING);
    const edited = { ...one, text: (one.text ?? "").replace("{", '{\n  "debug": true,') };
    const two = planInstall(edited, RUNTIME, { ...NOTHING, isDefault: true });
    assert.deepEqual(JSON.parse(undo(two).text ?? ""), { debug: true });
  });

  it("gives back the default runtime, or none", () => {
    for (const before of ['{"default-runtime":"crun","runtimes":{"crun":{"path":"/c"}}}', "{}"]) {
      const one = planInstall({ text: before, record: undefined }, RUNTIME, { ...NOTHING, isDefault: true });
      const edited = setDebug(one.text ?? "");
      assert.deepEqual(JSON.parse(undo({ ...one, text: edited }).text ?? ""), { ...JSON.parse(before), debug: true });
    }
  });

  it("keeps an entry that leads elsewhere now", () => {
    const one = planInstall({ text, record: undefined }, RUNTIME, NOTHING);
    const moved = { ...one, text: (one.text ?? "").replace(RUNTIME.path, "/other") };
    assert.deepEqual(undo(moved), { ...moved, outcome: "kept" });
  });

  it("knows an entry of its own path without a record", () => {
    const { text: installed } = planInstall({ text, record: undefined }, RUNTIME, NOTHING);
    assert.equal(undo({ text: installed, record: undefined }).text, text);
  });
});

function setDebug(text: string): string {
  return text.replace("{", '{"debug": true, ');
}

function undo(files: Files): Plan {
  return planUndo(files, RUNTIME, "daemon.json");
}
