import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { editedJson, editedText } from "../support/edited-json.ts";
import { type Files, type Plan, planInstall, planUndo } from "../../apps/inclavare/src/daemon-json/plan.ts";
import { formatRecord, parseRecord } from "../../apps/inclavare/src/daemon-json/record.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 500);
const RUNTIME = { name: "rune", path: "/usr/local/bin/rune" };
type Json = Record<string, unknown>;

const full = {
  debug: true,
  hosts: ["unix:///var/run/docker.sock", "tcp://0.0.0.0:2376"],
  runtimes: { crun: { path: "/usr/bin/crun", runtimeArgs: ["--debug"] }, rune: { path: "/usr/local/bin/rune" } },
  "default-runtime": "crun",
  "log-opts": { "max-size": "10m", labels: 'a"}{b' },
  "default-ulimits": { nofile: { Name: "nofile", Hard: 64_000, Soft: 64_000 } },
};
const words = [{}, "rune", RUNTIME.path, { path: "/other" }, { rune: { path: "/other" } }, { path: RUNTIME.path }];
const documents = editedJson(full, words);
/** What dockerd would read, in one of the layouts that people use. */
const laidOut = fc
  .tuple(documents, fc.constantFrom(undefined, 1, 2, 4, "\t"), fc.constantFrom("\n", "\r\n"), fc.constantFrom("", "\n"))
  .map(
    ([document, indent, newline, end]) => JSON.stringify(document, undefined, indent).replaceAll("\n", newline) + end,
  );
const flags = fc.record({ isDefault: fc.boolean(), isForced: fc.boolean(), what: fc.constant("daemon.json") });

/** Undefined when it was refused with a code that it may have. */
function coded<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!isInclavareError(error)) throw error;
    assert.match(error.code, /^ERR_DAEMON_JSON(?:_TAKEN)?$/u);
    return undefined;
  }
}

/** A document without what may change. */
function others(text: string | undefined): Json {
  const { runtimes = {}, "default-runtime": _, ...rest } = JSON.parse(text?.trim() || "{}") as Json;
  const { rune: __, ...foreign } = runtimes as Json;
  return { ...rest, foreign };
}

function ours(text: string | undefined): unknown {
  const { runtimes = {} } = JSON.parse(text?.trim() || "{}") as { runtimes?: Json };
  return runtimes["rune"];
}

function undo(files: Files): Plan {
  return planUndo(files, RUNTIME, "daemon.json");
}

describe("any daemon.json", () => {
  it("is refused with a code, or gets the runtime and keeps everything else, in its order", () => {
    fc.assert(
      fc.property(fc.oneof(editedText(documents), laidOut, fc.string()), flags, (text, options) => {
        const plan = coded(() => planInstall({ text, record: undefined }, RUNTIME, options));
        if (plan?.text === undefined) return;
        assert.equal(JSON.stringify(others(plan.text)), JSON.stringify(others(text)));
        const { runtimes, "default-runtime": fallback } = JSON.parse(plan.text) as { runtimes: Json } & Json;
        assert.equal((runtimes["rune"] as Json)["path"], RUNTIME.path);
        if (options.isDefault) assert.equal(fallback, "rune");
        const again = planInstall(plan, RUNTIME, options);
        assert.deepEqual(again, { ...plan, outcome: "unchanged" });
      }),
      { numRuns },
    );
  });

  it("is what it was, byte for byte, after undo", () => {
    fc.assert(
      fc.property(fc.option(laidOut, { nil: undefined }), flags, (text, options) => {
        const plan = coded(() => planInstall({ text, record: undefined }, RUNTIME, options));
        if (plan === undefined || plan.outcome === "unchanged") return;
        const record = plan.record && parseRecord(formatRecord(plan.record), "record");
        assert.deepEqual(undo({ text: plan.text, record }), { text, record: undefined, outcome: "removed" });
      }),
      { numRuns },
    );
  });

  it("keeps what others have changed since, and loses only what is ours", () => {
    fc.assert(
      fc.property(laidOut, editedText(documents), flags, (text, edited, options) => {
        const installed = coded(() => planInstall({ text, record: undefined }, RUNTIME, options));
        const plan = coded(() => undo({ text: edited, record: installed?.record }));
        if (plan === undefined || plan.outcome === "unchanged" || plan.outcome === "kept") return;
        assert.deepEqual(others(plan.text), others(edited));
        // What the runtime had taken the place of comes back.
        assert.deepEqual(ours(plan.text), installed?.outcome === "added" ? ours(text) : undefined);
      }),
      { numRuns },
    );
  });
});
