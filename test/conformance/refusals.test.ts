import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MutableSpec } from "../support/testbed.ts";
import { conformance } from "./alike.ts";
import type { Subject } from "./subject.ts";

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly time: string;
}

/** What a caller sees of a refused command: status, whether it was told why, and what is left. */
function refused(subject: Subject, folder: string, ...flags: string[]): Record<string, unknown> {
  const id = subject.id();
  const { status, stderr } = subject.callDetached(["create", "--bundle", folder, ...flags, id]);
  const answer = { status, said: stderr !== "", left: existsSync(join(subject.root, id)) };
  if (answer.left) subject.remove(id);
  return answer;
}

const REFUSED = { status: 1, said: true, left: false };

conformance("refusals", (alike) => {
  for (const verb of [
    "start",
    "state",
    "kill",
    "delete",
    "ps",
    "pause",
    "resume",
    "events",
    "update",
    "checkpoint",
    "exec",
  ])
    alike(`${verb} of what nobody has heard of`, (subject) =>
      subject.call(verb, ...(verb === "exec" ? ["nobody", "x"] : ["nobody"])),
    );
  alike("delete --force of what nobody has heard of", (subject) => subject.call("delete", "--force", "nobody"), {
    expected: { status: 0, stdout: "", stderr: "" },
  });
  for (const words of [
    ["state"],
    ["start"],
    ["kill"],
    ["delete"],
    ["create"],
    ["run"],
    ["bogus"],
    ["state", "a", "b"],
    ["--bogus"],
    ["state", "--bogus", "x"],
    ["list", "--bogus"],
  ])
    alike(`usage: ${words.join(" ")}`, (subject) => {
      const { status, stderr } = subject.call(...words);
      return [status, stderr];
    });
  for (const id of ["", "a/b", "..", ".", "ä", "a b", "a\n", "x".repeat(1025)]) {
    alike(
      `id ${JSON.stringify(id).slice(0, 20)}`,
      (subject) => {
        const { status, stderr } = subject.call("create", "-b", subject.bundle(["exit", "0"]), id);
        return [status, stderr !== ""];
      },
      { expected: [1, true] },
    );
  }
  alike(
    "an id of every sort of letter",
    (subject) => subject.call("run", "-b", subject.bundle(["exit", "5"]), `_a-c.d+E0${subject.id()}`).status,
    { expected: 5 },
  );

  alike("a bundle that is not there", (subject) => refused(subject, subject.path("nothing")), { expected: REFUSED });
  alike(
    "a bundle without config.json",
    (subject) => {
      const folder = subject.path("empty");
      mkdirSync(folder, { recursive: true });
      return refused(subject, folder);
    },
    { expected: REFUSED },
  );
  alike(
    "a config.json that is no JSON",
    (subject) => {
      const folder = subject.bundle(["exit", "0"]);
      writeFileSync(join(folder, "config.json"), '{"enclave.type": ');
      return refused(subject, folder);
    },
    { expected: REFUSED },
  );
  const broken: readonly (readonly [string, (spec: MutableSpec) => void])[] = [
    ["no arguments", (spec) => (spec.process.args = [])],
    ["no process", (spec) => delete (spec as Partial<MutableSpec>).process],
    ["no root", (spec) => delete (spec as Partial<MutableSpec>).root],
    ["no linux section", (spec) => delete (spec as Partial<MutableSpec>).linux],
    ["a root that is not there", (spec) => (spec.root.path = "nothing")],
    ["a working directory that is relative", (spec) => (spec.process["cwd"] = "tmp")],
    ["no working directory", (spec) => (spec.process["cwd"] = "")],
    ["a program that is not there", (spec) => (spec.process.args = ["/nothing"])],
    ["a program that is not in PATH", (spec) => (spec.process.args = ["nothing"])],
    ["a program that is a directory", (spec) => (spec.process.args = ["/dev"])],
    ["a mount of an unknown type", (spec) => spec.mounts.push({ destination: "/x", type: "nofs", source: "none" })],
    [
      "a mount whose source is missing",
      (spec) => spec.mounts.push({ destination: "/x", type: "bind", source: "/nothing", options: ["bind"] }),
    ],
    ["an unknown namespace", (spec) => (spec.linux["namespaces"] = [{ type: "time-travel" }])],
    ["a namespace twice", (spec) => (spec.linux["namespaces"] = [{ type: "mount" }, { type: "mount" }])],
    [
      "a namespace whose path is missing",
      (spec) => (spec.linux["namespaces"] = [{ type: "mount" }, { type: "network", path: "/nothing" }]),
    ],
    [
      "a hostname without its namespace",
      (spec) => {
        spec["hostname"] = "x";
        spec.linux["namespaces"] = [{ type: "mount" }, { type: "pid" }];
      },
    ],
    ["an unknown rlimit", (spec) => (spec.process["rlimits"] = [{ type: "RLIMIT_BOGUS", soft: 1, hard: 1 }])],
    [
      "a soft limit above the hard one",
      (spec) => (spec.process["rlimits"] = [{ type: "RLIMIT_NOFILE", soft: 2000, hard: 1000 }]),
    ],
    ["a sysctl of no namespace", (spec) => (spec.linux["sysctl"] = { "kernel.panic": "1" })],
    ["an unknown action of seccomp", (spec) => (spec.linux["seccomp"] = { defaultAction: "SCMP_ACT_BOGUS" })],
    ["an AppArmor profile where there is no AppArmor", (spec) => (spec.process["apparmorProfile"] = "docker-default")],
    ["a relative cgroup device", (spec) => (spec.linux["devices"] = [{ path: "x", type: "q", major: 1, minor: 1 }])],
    ["annotations that are no texts", (spec) => Object.assign(spec.annotations, { a: 1 })],
    ["args that are no texts", (spec) => Object.assign(spec.process, { args: ["/probe", 1] })],
  ];
  for (const [what, edit] of broken) alike(what, (subject) => refused(subject, subject.bundle(["exit", "0"], edit)));

  alike(
    "mappings of a user namespace without one",
    (subject) =>
      refused(
        subject,
        subject.bundle(["exit", "0"], (spec) => {
          spec.linux["uidMappings"] = [{ containerID: 0, hostID: 1000, size: 1 }];
        }),
      ),
    { expected: { status: 0, said: false, left: true }, enclave: { answer: REFUSED, because: "validation" } },
  );
  alike("a console socket without a terminal", (subject) =>
    refused(subject, subject.bundle(["exit", "0"]), "--console-socket", subject.path("console.sock")),
  );
  alike("a terminal without a console socket", (subject) =>
    refused(
      subject,
      subject.bundle(["exit", "0"], (spec) => (spec.process.terminal = true)),
    ),
  );
  alike("a console socket that nobody has made", (subject) =>
    refused(
      subject,
      subject.bundle(["exit", "0"], (spec) => (spec.process.terminal = true)),
      "--console-socket",
      "/nowhere.sock",
    ),
  );
  alike("a pid file that cannot be written", (subject) =>
    refused(subject, subject.bundle(["exit", "0"]), "--pid-file", "/nowhere/pid"),
  );
  alike("descriptors that are not there", (subject) =>
    refused(subject, subject.bundle(["exit", "0"]), "--preserve-fds", "9"),
  );
  alike("a cgroup by systemd, where there is none, or a path that is not one of its", (subject) => {
    const words = ["--systemd-cgroup", "create", "-b", subject.bundle(["exit", "0"]), subject.id()];
    const { status, stderr } = subject.callDetached(words);
    return [status, stderr !== ""];
  });
  const fewProcesses = (spec: MutableSpec): void => {
    spec.linux["resources"] = { pids: { limit: 4 } };
  };
  alike("a limit of four processes", (subject) => refused(subject, subject.bundle(["exit", "0"], fewProcesses)), {
    expected: { status: 0, said: false, left: true },
    enclave: { answer: REFUSED, because: "pids" },
  });
  const littleMemory = (spec: MutableSpec): void => {
    spec.linux["resources"] = { memory: { limit: 16 << 20 } };
  };
  alike("a limit of 16 MiB of memory", (subject) => refused(subject, subject.bundle(["exit", "0"], littleMemory)), {
    expected: { status: 0, said: false, left: true },
    enclave: { answer: REFUSED, because: "memory" },
  });
  alike("a pidfd socket, which this runc does not know", (subject) => {
    const { status, stderr } = subject.call(
      "create",
      "--pidfd-socket",
      "/x",
      "-b",
      subject.bundle(["exit", "0"]),
      subject.id(),
    );
    return [status, stderr !== ""];
  });

  const logged = (subject: Subject, format: "text" | "json", ...words: string[]): string => {
    const file = subject.path(`log.${format}`);
    rmSync(file, { force: true });
    writeFileSync(file, format === "json" ? '{"level":"info","msg":"before"}\n' : "before\n");
    subject.call("--log", file, "--log-format", format, ...words);
    return readFileSync(file, "utf8");
  };
  for (const [what, words] of [
    [
      "a command",
      (subject: Subject) => [
        "create",
        "-b",
        subject.bundle(["exit", "0"], (spec) => (spec.root.path = "nothing")),
        subject.id(),
      ],
    ],
    ["an unknown container", () => ["state", "nobody"]],
    ["a flag", () => ["state", "--bogus", "x"]],
    ["a command that there is not", () => ["bogus"]],
  ] as const) {
    alike(`a JSON log: each line is an object, the last error says what was wrong with ${what}`, (subject) => {
      const lines = logged(subject, "json", ...words(subject))
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as LogLine);
      const error = lines.findLast(({ level }) => level === "error");
      return [
        lines[0]?.msg,
        error !== undefined,
        Object.keys(error ?? {}).toSorted(),
        subject.normalise(error?.time ?? ""),
      ];
    });
    alike(`a text log about ${what}`, (subject) => {
      const lines = logged(subject, "text", ...words(subject))
        .trim()
        .split("\n");
      return [lines[0], /^time="[^"]+" level=error msg=/u.test(lines.at(-1) ?? "")];
    });
  }
  alike("a log that cannot be opened", (subject) => {
    const { status, stderr } = subject.call("--log", "/nowhere/log", "state", "nobody");
    return [status, stderr !== ""];
  });
  alike("an unknown log format", (subject) => {
    const { status, stderr } = subject.call("--log-format", "xml", "state", "nobody");
    return [status, stderr !== ""];
  });
});
