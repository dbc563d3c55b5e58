import { existsSync, readFileSync } from "node:fs";
import { conformance } from "./alike.ts";
import type { Subject } from "./subject.ts";

const ids = new Map<Subject, string>();
const idOf = (subject: Subject): string => ids.get(subject) ?? "";

/** A state without what differs from container to container. */
function seen(subject: Subject, id: string): Record<string, unknown> {
  const { pid, created, bundle, rootfs, annotations = {}, ...rest } = subject.state(id);
  return {
    ...rest,
    id: subject.normalise(rest.id),
    hasPid: pid > 0 && existsSync(`/proc/${pid}`),
    noPid: pid === 0,
    created: subject.normalise(String(created)),
    paths: subject.normalise(`${bundle} ${String(rootfs)}`),
    annotations: Object.entries(annotations).filter(([name]) => !name.startsWith("enclave.")),
  };
}

conformance("life cycle", (alike) => {
  alike(
    "create writes the pid file and says nothing",
    (subject) => {
      const [id, pidFile] = [subject.id(), subject.path("pid")];
      ids.set(subject, id);
      const bundle = subject.bundle(["sleep"], (spec) => (spec.annotations = { "org.example.a": "1" }));
      const outcome = subject.callDetached(["create", "--bundle", bundle, "--pid-file", pidFile, id]);
      return { ...outcome, same: Number(readFileSync(pidFile, "utf8")) === subject.state(id).pid };
    },
    { expected: { status: 0, stdout: "", stderr: "", same: true } },
  );
  alike("state of a created container", (subject) => seen(subject, idOf(subject)));
  alike("state has runc's members in runc's order", (subject) => Object.keys(subject.state(idOf(subject))));
  alike("state is indented, without a newline at the end", (subject) => {
    const { stdout } = subject.call("state", idOf(subject));
    return [stdout.startsWith('{\n  "ociVersion"'), stdout.at(-1)];
  });
  alike("create of an id in use", (subject) => subject.call("create", "-b", subject.bundle(["sleep"]), idOf(subject)));
  alike("run of an id in use", (subject) => subject.call("run", "-b", subject.bundle(["sleep"]), idOf(subject)));
  alike("pause of a created container", (subject) => [
    subject.call("pause", idOf(subject)),
    subject.status(idOf(subject)),
    subject.call("resume", idOf(subject)),
    subject.status(idOf(subject)),
  ]);
  alike("list of a created container", (subject) => {
    const [head = "", row = ""] = subject.call("list").stdout.split("\n");
    return [head.split(/ +/u), row.trimEnd().replace(/\d+/u, "PID").split(/ +/u)];
  });
  alike("start says nothing", (subject) => subject.call("start", idOf(subject)));
  alike("state of a running container", (subject) => seen(subject, idOf(subject)), {});
  alike("start of a running container", (subject) => subject.call("start", idOf(subject)));
  alike("list -q", (subject) => subject.call("list", "-q"));
  alike("list -f json", (subject) => {
    const { stdout } = subject.call("list", "--format", "json");
    const [one] = JSON.parse(stdout) as Record<string, unknown>[];
    return [stdout.at(-1), Object.keys(one ?? {}), one?.["status"], one?.["owner"]];
  });
  alike("list of an unknown format", (subject) => subject.call("list", "--format", "xml"));
  alike("ps -f json", (subject) => {
    const { status, stdout } = subject.call("ps", "--format", "json", idOf(subject));
    return [status, stdout.at(-1), (JSON.parse(stdout) as number[]).includes(subject.state(idOf(subject)).pid)];
  });
  alike("ps: a table", (subject) => {
    const { status, stdout } = subject.call("ps", idOf(subject));
    const [head = "", row = ""] = stdout.split("\n");
    return [status, head.split(/ +/u), row.includes(` ${subject.state(idOf(subject)).pid} `)];
  });
  alike("ps with options of its own", (subject) => {
    const { status, stdout } = subject.call("ps", idOf(subject), "-o", "pid");
    return [status, stdout.split("\n").map((line) => line.trim().replace(/\d+/u, "PID"))];
  });
  alike("events --stats", (subject) => {
    const { status, stdout } = subject.call("events", "--stats", idOf(subject));
    const { type, id, data } = JSON.parse(stdout) as { type: string; id: string; data: Record<string, object> };
    // What is 0 is left out, and whether there is a page cache is chance.
    const memory = Object.keys(data["memory"] ?? {}).filter((key) => key !== "cache");
    return [status, type, id, Object.keys(data), Object.keys(data["cpu"] ?? {}), memory];
  });
  alike("delete of a running container", (subject) => [
    subject.call("delete", idOf(subject)),
    subject.status(idOf(subject)),
  ]);
  alike("pause", (subject) => [subject.call("pause", idOf(subject)), subject.status(idOf(subject))]);
  alike("pause of a paused container", (subject) => subject.call("pause", idOf(subject)));
  alike("exec in a paused container", (subject) => subject.call("exec", idOf(subject), "/probe", "exit", "1"));
  alike("delete of a paused container", (subject) => subject.call("delete", idOf(subject)));
  alike("state of a paused container", (subject) => seen(subject, idOf(subject)));
  alike("resume", (subject) => [subject.call("resume", idOf(subject)), subject.status(idOf(subject))]);
  alike("resume of a running container", (subject) => subject.call("resume", idOf(subject)));
  for (const signal of ["WINCH", "SIGWINCH", "sigwinch", "28", "0", "CHLD", "URG", "18"]) {
    alike(`kill ${signal} is taken, and ends nothing`, (subject) => [
      subject.call("kill", idOf(subject), signal),
      subject.status(idOf(subject)),
    ]);
  }
  for (const signal of ["FOO", "SIG", "1.5"])
    alike(`kill ${signal} is refused`, (subject) => subject.call("kill", idOf(subject), signal));
  alike("kill 99 is refused", (subject) => subject.call("kill", idOf(subject), "99").status, { expected: 1 });
  alike("kill --bogus is refused", (subject) => subject.call("kill", idOf(subject), "--bogus").status, { expected: 1 });
  alike("kill of a paused container is delivered when it goes on; an empty signal is TERM", async (subject) => [
    subject.call("pause", idOf(subject)),
    subject.call("kill", idOf(subject), ""),
    subject.status(idOf(subject)),
    subject.call("resume", idOf(subject)),
    await subject.until(idOf(subject), "stopped"),
  ]);
  alike("state of a stopped container", (subject) => seen(subject, idOf(subject)));
  for (const words of [["start"], ["pause"], ["resume"], ["kill"], ["ps"], ["events", "--stats"]]) {
    alike(`${words.join(" ")} of a stopped container`, (subject) => subject.call(...words, idOf(subject)));
  }
  alike("exec in a stopped container", (subject) => subject.call("exec", idOf(subject), "/probe"));
  alike("kill --all of a stopped container", (subject) => subject.call("kill", "--all", idOf(subject), "TERM"));
  alike("list of a stopped container", (subject) =>
    (JSON.parse(subject.call("list", "-f", "json").stdout) as { pid: number; status: string }[]).map((one) => [
      one.pid,
      one.status,
    ]),
  );
  alike("delete", (subject) => subject.call("delete", idOf(subject)));
  alike("delete a second time", (subject) => subject.call("delete", idOf(subject)));
  alike("delete --force of what is gone", (subject) => subject.call("delete", "--force", idOf(subject)));
  alike("list of nothing", (subject) => [subject.call("list"), subject.call("list", "-f", "json")]);

  alike("delete of a created container", (subject) => subject.call("delete", subject.created(["exit", "0"])), {
    expected: { status: 0, stdout: "", stderr: "" },
  });
  alike("kill KILL of a created container", async (subject) => {
    const id = subject.created(["exit", "0"]);
    const answer = [subject.call("kill", id, "KILL"), await subject.until(id, "stopped"), subject.call("start", id)];
    subject.remove(id);
    return answer;
  });
  alike("delete --force of a running container", (subject) => {
    const id = subject.started(["sleep"]);
    return [subject.call("delete", "-f", id), subject.call("state", id)];
  });
});
