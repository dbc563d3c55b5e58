import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import fc from "fast-check";
import { containerPaths } from "./paths.ts";
import { type ContainerRecord, findContainers, parseRecord, readRecord, writeRecord } from "./record.ts";

const state = mkdtempSync(join(tmpdir(), "rune-record-"));
after(() => rmSync(state, { recursive: true, force: true }));

const record = (id: string): ContainerRecord => ({
  version: 1,
  id,
  root: "/run/runc",
  bundle: "/b",
  rootfs: "/b/rootfs",
  created: "2026-01-02T03:04:05.678Z",
  status: "created",
  annotations: { "enclave.type": "simulated" },
  request: { type: "simulated", runtime: "wasm", runtimeArgs: "", logLevel: "info" },
  process: { cwd: "/", env: ["A=1"], user: { uid: 0, gid: 0 } },
});

describe("records", () => {
  it("come back as they were written, readable by root only", () => {
    const paths = containerPaths(state, "/run/runc", "a");
    mkdirSync(paths.directory, { recursive: true });
    writeRecord(paths, record("a"));
    assert.deepEqual(readRecord(paths), record("a"));
    assert.equal(statSync(paths.record).mode & 0o777, 0o600);
  });

  it("of roots with different spellings of one path are the same", () =>
    assert.equal(
      containerPaths(state, "/run//runc/", "a").directory,
      containerPaths(state, "/run/runc", "a").directory,
    ));

  it("are found by root and over all roots; a folder without one is left out", () => {
    const other = containerPaths(state, "/other", "b");
    mkdirSync(other.directory, { recursive: true });
    assert.deepEqual(findContainers(state, "/other"), []);
    writeRecord(other, record("b"));
    writeFileSync(join(state, "file"), "");
    assert.deepEqual(
      findContainers(state, "/other").map(({ record: { id } }) => id),
      ["b"],
    );
    assert.deepEqual(
      findContainers(state)
        .map(({ record: { id } }) => id)
        .toSorted(),
      ["a", "b"],
    );
  });

  it("that are missing are ERR_CONTAINER_NOT_FOUND", () =>
    assert.throws(() => readRecord(containerPaths(state, "/x", "y")), { code: "ERR_CONTAINER_NOT_FOUND" }));

  it("that are anything else are ERR_CONTAINER_RECORD", () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string()), (text) => {
        try {
          parseRecord(text, "x");
        } catch (error) {
          assert.ok(isInclavareError(error, "ERR_CONTAINER_RECORD"));
        }
      }),
    );
  });
});
