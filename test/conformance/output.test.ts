import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { conformance } from "./alike.ts";
import type { Subject } from "./subject.ts";

const COMMANDS = [
  "checkpoint",
  "create",
  "delete",
  "events",
  "exec",
  "features",
  "kill",
  "list",
  "pause",
  "ps",
  "restore",
  "resume",
  "run",
  "spec",
  "start",
  "state",
  "update",
];

conformance("output", (alike) => {
  for (const command of COMMANDS)
    alike(`${command} --help is runc's`, (subject) => subject.call(command, "--help"), { plainOnly: true });
  alike(
    "--version: a name, a version, the specification's",
    (subject) => {
      const [first = "", ...rest] = subject.call("--version").stdout.split("\n");
      return [/^(?:runc|rune) version \d+\.\d+\.\d+/u.test(first), rest.some((line) => line.startsWith("spec: 1."))];
    },
    { plainOnly: true, expected: [true, true] },
  );
  for (const flags of [[], ["--rootless"]]) {
    alike(
      `spec ${flags.join(" ")} writes runc's, and never over another`,
      (subject) => {
        const folder = subject.path("spec");
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder);
        const first = subject.call("spec", "--bundle", folder, ...flags);
        const second = subject.callWith({ cwd: folder }, "spec");
        return [first, readFileSync(join(folder, "config.json"), "utf8"), second];
      },
      { plainOnly: true },
    );
  }
  alike(
    "features: all that runc says",
    (subject) => {
      const {
        annotations,
        potentiallyUnsafeConfigAnnotations: _,
        ...features
      } = JSON.parse(subject.call("features").stdout) as {
        annotations: Record<string, string>;
        potentiallyUnsafeConfigAnnotations?: unknown;
      };
      const ofRunc = Object.entries(annotations).filter(([name]) => !name.startsWith("org.inclavare-containers."));
      return { ...features, annotations: ofRunc };
    },
    { plainOnly: true },
  );

  const two = (subject: Subject): string[] => [subject.created(["sleep"]), subject.started(["sleep"])];
  alike("list: one line a container, columns aligned, in the order of names", (subject) => {
    const ids = two(subject);
    const lines = subject.callWith({}, "list").stdout.split("\n");
    const columns = lines.slice(0, 3).map((line) =>
      line
        .replaceAll(/[0-9]+/gu, "N")
        .trimEnd()
        .split(/ {2,}/u),
    );
    const heads =
      (lines[0] ?? "").indexOf("STATUS") ===
      Math.max(...lines.slice(1, 3).map((line) => line.search(/created|running/u)));
    subject.remove(...ids);
    return { columns, count: lines.length, heads };
  });
  alike("checkpoint and restore, which need a program that is not there or an enclave that can be moved", (subject) => {
    const id = subject.started(["sleep"]);
    const answer = [
      ["checkpoint", "--image-path", subject.path("image"), id],
      // runc writes into the image folder before it looks for criu; left out, that is `checkpoint` where the test runs.
      ["checkpoint", "--image-path", subject.path("image"), "--work-path", subject.path("work"), "--leave-running", id],
    ].map((words) => {
      const { status, stdout, stderr } = subject.call(...words);
      return [status, stdout, stderr !== ""];
    });
    const status = subject.status(id);
    subject.remove(id);
    return [answer, status];
  });
});
