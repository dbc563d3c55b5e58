import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { closeQuietly, listenUnix } from "@inclavare/linux";
import { Terminal } from "../support/terminal.ts";
import type { MutableSpec } from "../support/testbed.ts";
import { conformance } from "./alike.ts";
import type { Subject } from "./subject.ts";

const withTerminal = (spec: MutableSpec): void => {
  spec.process.terminal = true;
  spec.process["consoleSize"] = { height: 31, width: 97 };
};

/** Rows and columns of the terminal that a process has as its standard input. */
function sizeOf(pid: number): string {
  return execFileSync("stty", ["-F", `/proc/${pid}/fd/0`, "size"], { encoding: "utf8" }).trim();
}

/** Creates a container, takes its terminal, and starts it. */
function started(subject: Subject, verb: string): { id: string; pid: number; terminal: Terminal } {
  const [id, socket] = [subject.id(), subject.path("console.sock")];
  rmSync(socket, { force: true });
  const incoming = Terminal.listen(socket);
  subject.mustDetached(["create", "-b", subject.bundle([verb], withTerminal), "--console-socket", socket, id]);
  const terminal = incoming.received();
  subject.must("start", id);
  return { id, pid: subject.state(id).pid, terminal };
}

conformance("terminal", (alike) => {
  alike(
    "has the size that is asked for, and is resized by whoever has it",
    (subject) => {
      const { id, pid, terminal } = started(subject, "sleep");
      using _ = terminal;
      const first = sizeOf(pid);
      terminal.resize(40, 132);
      const answer = [first, sizeOf(pid)];
      subject.remove(id);
      return answer;
    },
    { expected: ["31 97", "40 132"] },
  );
  alike("carries what is typed and what is written; its end of file ends the program", async (subject) => {
    const { id, terminal } = started(subject, "cat");
    using _ = terminal;
    terminal.press("hello\r");
    const seen = await terminal.readUntil(/hello\r\n.*hello\r\n/su);
    terminal.press("\u0004");
    const status = await subject.until(id, "stopped");
    subject.remove(id);
    return [seen, status];
  });
  alike("exec has a terminal of its own", async (subject) => {
    const { id, terminal: first } = started(subject, "sleep");
    using _ = first;
    const [socket, file, pidFile] = ["exec.sock", "exec.json", "exec.pid"].map((name) => subject.path(name)) as [
      string,
      string,
      string,
    ];
    const consoleSize = { height: 11, width: 22 };
    const described = {
      terminal: true,
      consoleSize,
      args: ["/probe", "cat"],
      cwd: "/",
      env: [],
      user: { uid: 0, gid: 0 },
    };
    writeFileSync(file, JSON.stringify(described));
    const incoming = Terminal.listen(socket);
    subject.mustDetached(["exec", "-d", "--process", file, "--pid-file", pidFile, "--console-socket", socket, id]);
    using terminal = incoming.received();
    const pid = Number(readFileSync(pidFile, "utf8"));
    const before = sizeOf(pid);
    terminal.resize(12, 24);
    terminal.press("again\r");
    const answer = [before, sizeOf(pid), await terminal.readUntil(/again\r\n.*again\r\n/su)];
    subject.remove(id);
    return answer;
  });
  alike("nobody takes it: create and start return", (subject) => {
    const [id, socket] = [subject.id(), subject.path("deaf.sock")];
    const deaf = listenUnix(socket, { mode: 0o600 });
    const bundle = subject.bundle(["sleep"], withTerminal);
    const answer = [
      subject.callDetached(["create", "-b", bundle, "--console-socket", socket, id]),
      subject.call("start", id),
      subject.status(id),
    ];
    subject.remove(id);
    closeQuietly([deaf]);
    return answer;
  });
  alike("run in the foreground has the caller's", (subject) => {
    const command = [
      subject.program,
      "--root",
      subject.root,
      "run",
      "-b",
      subject.bundle(["args"], withTerminal),
      subject.id(),
    ];
    const { status, stdout } = spawnSync("script", ["-qec", command.join(" "), "/dev/null"], {
      encoding: "utf8",
      env: subject.bed.env,
      input: "",
      timeout: 30_000,
    });
    return [
      status,
      subject
        .normalise(stdout)
        .replaceAll("\r", "")
        .replaceAll(/\^[@D]/gu, "")
        .replaceAll("\b", ""),
    ];
  });
});
