import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { conformance } from "./alike.ts";
import type { Subject } from "./subject.ts";

const EXECS_AT_ONCE = 10;
const ids = new Map<Subject, string>();

conformance("exec", (alike) => {
  const idOf = (subject: Subject): string => {
    const id = ids.get(subject) ?? subject.started(["sleep"], (spec) => (spec.process.env = ["A=1", "B=2 3"]));
    ids.set(subject, id);
    return id;
  };

  for (const code of [0, 7, 126, 255])
    alike(`ends with the program's status ${code}`, (subject) =>
      subject.call("exec", idOf(subject), "/probe", "exit", String(code)),
    );
  alike("arguments are an array, and flags after the id are the program's", (subject) =>
    subject.call("exec", idOf(subject), "/probe", "args", "a b", "", "--x", "-d", "*\n", "é"),
  );
  alike("64 KiB of arguments", (subject) => {
    const { status, stdout } = subject.call(
      "exec",
      idOf(subject),
      "/probe",
      "args",
      ...Array.from({ length: 64 }, () => "x".repeat(1023)),
    );
    return [status, stdout.length];
  });
  const environment = (subject: Subject, ...flags: string[]): string[] => {
    const { status, stdout } = subject.call("exec", ...flags, idOf(subject), "/probe", "env");
    return [String(status), ...stdout.trim().split("\n").toSorted()];
  };
  alike("the environment is the container's", (subject) => environment(subject), {
    expected: ["0", "A=1", "B=2 3", "HOME=/"],
    enclave: { answer: ["0", "A=1", "B=2 3"], because: "environment" },
  });
  alike("-e adds a variable", (subject) => environment(subject, "-e", "C=x y", "-e", "D=4"), {
    expected: ["0", "A=1", "B=2 3", "C=x y", "D=4", "HOME=/"],
    enclave: { answer: ["0", "A=1", "B=2 3"], because: "environment" },
  });
  alike("stdin reaches the program, and its end", (subject) =>
    subject.callWith({ input: "one\ntwo" }, "exec", idOf(subject), "/probe", "cat"),
  );
  alike("a process file", (subject) => {
    const file = subject.path("process.json");
    writeFileSync(
      file,
      JSON.stringify({ args: ["/probe", "args", "1 2"], cwd: "/", env: [], user: { uid: 0, gid: 0 } }),
    );
    return subject.call("exec", "--process", file, idOf(subject));
  });
  for (const [what, content] of [
    ["is missing", undefined],
    ["is no JSON", "{"],
    ["has no args", '{"cwd":"/","user":{}}'],
  ] as const) {
    alike(`a process file that ${what}`, (subject) => {
      const file = subject.path("bad.json");
      if (content !== undefined) writeFileSync(file, content);
      const { status, stderr } = subject.call(
        "exec",
        "--process",
        content === undefined ? "/nobody" : file,
        idOf(subject),
      );
      return [status, stderr !== ""];
    });
  }
  for (const flags of [
    ["--user", "1000"],
    ["-u", "1000:1001"],
    ["--cwd", "/proc"],
    ["-g", "5", "-g", "6"],
    ["--no-new-privs"],
    ["--cap", "CAP_KILL"],
    ["-c", "CAP_KILL", "-c", "CAP_CHOWN"],
  ])
    alike(`takes ${flags.join(" ")}`, (subject) =>
      subject.call("exec", ...flags, idOf(subject), "/probe", "exit", "3"),
    );
  for (const flags of [["--user", "root"], ["--cwd", "relative"], ["--cwd", "/nowhere"], ["--bogus"]])
    alike(`${flags.join(" ")} is refused`, (subject) => {
      const { status, stderr } = subject.call("exec", ...flags, idOf(subject), "/probe", "exit", "3");
      return [status, stderr !== ""];
    });
  alike("a program that is not there", (subject) => subject.call("exec", idOf(subject), "/nothing"));
  alike("a program that is not in PATH", (subject) => subject.call("exec", idOf(subject), "nothing"));
  alike("a program that is a directory", (subject) => subject.call("exec", idOf(subject), "/dev").status);
  alike("no program", (subject) => {
    const { status, stderr } = subject.call("exec", idOf(subject));
    return [status, stderr];
  });
  alike("no id", (subject) => {
    const { status, stderr } = subject.call("exec");
    return [status, stderr];
  });
  alike("--detach returns while the process runs, whose pid is in the file", (subject) => {
    const pidFile = subject.path("exec.pid");
    const answer = subject.callDetached(["exec", "--detach", "--pid-file", pidFile, idOf(subject), "/probe", "sleep"]);
    const pid = Number(readFileSync(pidFile, "utf8"));
    const listed = JSON.parse(subject.call("ps", "-f", "json", idOf(subject)).stdout) as number[];
    const group =
      readFileSync(`/proc/${pid}/cgroup`, "utf8") ===
      readFileSync(`/proc/${subject.state(idOf(subject)).pid}/cgroup`, "utf8");
    process.kill(pid, "SIGTERM");
    return [answer, listed.includes(pid), group];
  });
  alike("a pid file that cannot be written", (subject) => {
    const { status, stderr } = subject.call(
      "exec",
      "-d",
      "--pid-file",
      "/nowhere/pid",
      idOf(subject),
      "/probe",
      "exit",
      "0",
    );
    return [status, stderr !== ""];
  });
  alike(
    "a signal of the foreground reaches the process: 128 + signal",
    async (subject) => {
      const child = subject.spawn(["exec", idOf(subject), "/probe", "write"], { stdio: ["ignore", "pipe", "ignore"] });
      if (child.stdout === null) throw new Error("no output");
      await once(child.stdout, "data");
      child.kill("SIGTERM");
      child.stdout.resume();
      return await once(child, "exit");
    },
    { expected: [143, null] },
  );
  alike(
    "ends with 137 when its process is killed on the host",
    async (subject) => {
      const id = idOf(subject);
      const child = subject.spawn(["exec", id, "/probe", "write"], { stdio: ["ignore", "pipe", "ignore"] });
      if (child.stdout === null) throw new Error("no output");
      await once(child.stdout, "data");
      child.stdout.resume();
      const pids = JSON.parse(subject.call("ps", "-f", "json", id).stdout) as number[];
      for (const pid of pids.filter((one) => one !== subject.state(id).pid)) process.kill(pid, "SIGKILL");
      return await once(child, "exit");
    },
    { expected: [137, null] },
  );
  alike(`${EXECS_AT_ONCE} at once`, async (subject) => {
    const id = idOf(subject);
    const children = Array.from({ length: EXECS_AT_ONCE }, (_, number) => {
      const child = subject.spawn(["exec", id, "/probe", "cat"], { stdio: ["pipe", "pipe", "inherit"] });
      return { child, number };
    });
    return await Promise.all(
      children.map(async ({ child, number }) => {
        if (child.stdin === null || child.stdout === null) throw new Error("no pipes");
        const exit = once(child, "exit");
        child.stdin.end(`line ${number}`);
        const said = await text(child.stdout);
        return [said, await exit];
      }),
    );
  });
  alike(
    "the container runs on",
    (subject) => {
      const answer = subject.status(idOf(subject));
      subject.remove(idOf(subject));
      return answer;
    },
    { expected: "running" },
  );
  alike("in a created container", (subject) => {
    const id = subject.created(["sleep"]);
    const answer = [subject.call("exec", id, "/probe", "exit", "4"), subject.status(id)];
    subject.remove(id);
    return answer;
  });
  alike("of an unknown container", (subject) => subject.call("exec", "nobody", "/probe"));
});
