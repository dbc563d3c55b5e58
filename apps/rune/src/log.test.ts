import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { InclavareError } from "@inclavare/errors";
import { formatEntry, Log, type LogOptions } from "./log.ts";

const directory = mkdtempSync(join(tmpdir(), "rune-log-"));
after(() => rmSync(directory, { recursive: true, force: true }));

class Sink {
  text = "";
  write(text: string): void {
    this.text += text;
  }
}
const error = new InclavareError("ERR_RUNC", 'exec: "x": not found', { cause: new Error("ENOENT") });
const log = (stderr: Sink, options: Partial<LogOptions> = {}): Log =>
  new Log({ file: undefined, format: "text", stderr, now: () => new Date("2026-01-02T03:04:05.678Z"), ...options });

describe("formatEntry", () => {
  it("writes logrus text and JSON", () => {
    const entry = { level: "error", msg: 'a "b"', time: "2026-01-02T03:04:05Z" };
    assert.equal(formatEntry(entry, "text"), 'time="2026-01-02T03:04:05Z" level=error msg="a \\"b\\""\n');
    assert.equal(formatEntry(entry, "json"), '{"level":"error","msg":"a \\"b\\"","time":"2026-01-02T03:04:05Z"}\n');
    assert.match(formatEntry({ ...entry, msg: "plain" }, "text"), / msg=plain\n$/u);
  });
});

describe("Log", () => {
  it("writes the whole chain and the code in one line", () => {
    const stderr = new Sink();
    log(stderr).fail(error);
    assert.equal(
      stderr.text,
      'time="2026-01-02T03:04:05Z" level=error msg="exec: \\"x\\": not found: ENOENT (ERR_RUNC)"\n',
    );
  });

  it("writes the log first and stderr as well", () => {
    const stderr = new Sink();
    const file = join(directory, "log.json");
    log(stderr, { file, format: "json" }).fail(error);
    assert.equal((JSON.parse(readFileSync(file, "utf8")) as { level: string }).level, "error");
    assert.match(stderr.text, /ERR_RUNC/u);
  });

  it("makes its file at once, and adds to one that is there", () => {
    const file = join(directory, "made.log");
    log(new Sink(), { file }).open();
    assert.equal(readFileSync(file, "utf8"), "");
    log(new Sink(), { file }).write({ level: "info", msg: "a" });
    log(new Sink(), { file }).write({ level: "info", msg: "b" });
    assert.match(readFileSync(file, "utf8"), /msg=a\n.*msg=b\n$/u);
  });

  it("does not repeat on stderr what runc has printed there", () => {
    const stderr = new Sink();
    log(stderr).fail(new InclavareError("ERR_RUNC", "x", { details: { printed: true } }));
    assert.equal(stderr.text, "");
  });

  it("goes on when its file cannot be written", () => {
    const stderr = new Sink();
    log(stderr, { file: "/nowhere/log" }).write({ level: "info", msg: "x" });
    assert.match(stderr.text, /level=warning msg="cannot write the log .*\n.* level=info msg=x\n$/u);
  });
});
