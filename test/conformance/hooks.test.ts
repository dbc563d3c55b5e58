import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { MutableSpec } from "../support/testbed.ts";
import { conformance } from "./alike.ts";
import type { Subject } from "./subject.ts";

const MOMENTS = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] as const;

/** A program that appends its name, arguments and a variable to a file, and keeps the state that it is given. */
function recorder(subject: Subject): {
  path: string;
  lines: () => string[];
  state: (name: string) => Record<string, unknown>;
} {
  const folder = subject.path(`hooks-${subject.id()}`);
  mkdirSync(folder);
  const path = join(folder, "hook.sh");
  writeFileSync(path, `#!/bin/sh\necho "$0 $* $MARK" >>${folder}/lines\ncat >${folder}/$1.json\nexit \${2:-0}\n`);
  chmodSync(path, 0o755);
  return {
    path,
    lines: () =>
      (existsSync(join(folder, "lines")) ? subject.normalise(readFileSync(join(folder, "lines"), "utf8")) : "")
        .replaceAll(folder, "HOOKS")
        .trim()
        .split("\n"),
    state: (name) => JSON.parse(readFileSync(join(folder, `${name}.json`), "utf8")) as Record<string, unknown>,
  };
}

function withHook(moment: string, hook: object): (spec: MutableSpec) => void {
  return (spec) => (spec["hooks"] = { [moment]: [hook] });
}

conformance("hooks", (alike) => {
  alike(
    "run in runc's order, twice where there are two, with their arguments and environment; the state is on stdin",
    (subject) => {
      const { path, lines, state } = recorder(subject);
      const folder = subject.bundle(["exit", "0"], (spec) => {
        const hook = (name: string): object => ({ path, args: ["hook", name, "0"], env: ["MARK=1 2"] });
        spec["hooks"] = Object.fromEntries(MOMENTS.map((name) => [name, [hook(name), hook(name)]]));
        spec.annotations = { "org.example": "x" };
      });
      const outcome = subject.call("run", "-b", folder, subject.id());
      const states = MOMENTS.map((name) => {
        const { pid, annotations = {}, ...rest } = state(name);
        return {
          ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, subject.normalise(String(value))])),
          hasPid: Number(pid) > 0,
          annotations: Object.entries(annotations as object).filter(([key]) => !key.startsWith("enclave.")),
        };
      });
      return { outcome, lines: lines(), states };
    },
  );
  for (const moment of ["prestart", "createRuntime", "createContainer"]) {
    alike(
      `${moment} that fails: create fails, nothing is left`,
      (subject) => {
        const { path } = recorder(subject);
        const id = subject.id();
        const folder = subject.bundle(["exit", "0"], withHook(moment, { path, args: ["hook", moment, "3"] }));
        const { status, stderr } = subject.callDetached(["create", "-b", folder, id]);
        return [status, stderr.includes("exit status 3"), existsSync(join(subject.root, id))];
      },
      { expected: [1, true, false] },
    );
  }
  alike("a hook that does not end: its timeout", (subject) => {
    const id = subject.id();
    const folder = subject.bundle(
      ["exit", "0"],
      withHook("prestart", { path: "/bin/sleep", args: ["sleep", "60"], timeout: 1 }),
    );
    const { status, stderr } = subject.callDetached(["create", "-b", folder, id]);
    return [status, /timed? ?out|deadline|killed/iu.test(stderr), existsSync(join(subject.root, id))];
  });
  alike("poststop that fails: delete goes on", (subject) => {
    const { path, lines } = recorder(subject);
    const id = subject.created(["exit", "0"], withHook("poststop", { path, args: ["hook", "poststop", "3"] }));
    const { status } = subject.call("delete", "--force", id);
    return [status, lines(), existsSync(join(subject.root, id))];
  });
  alike("poststart that fails: the container is gone", (subject) => {
    const { path } = recorder(subject);
    const id = subject.id();
    const folder = subject.bundle(["sleep"], withHook("poststart", { path, args: ["hook", "poststart", "3"] }));
    const created = subject.callDetached(["create", "-b", folder, id]).status;
    const started = created === 0 ? subject.call("start", id).status : created;
    const { status } = subject.call("state", id);
    subject.call("delete", "--force", id);
    return [started, status];
  });
  alike(
    "a hook whose program is missing",
    (subject) => {
      const id = subject.id();
      const folder = subject.bundle(["exit", "0"], withHook("createRuntime", { path: "/nothing" }));
      return [subject.callDetached(["create", "-b", folder, id]).status, existsSync(join(subject.root, id))];
    },
    { expected: [1, false] },
  );
  alike("startContainer runs at the start, in the container, as its process", (subject) => {
    const { id, out } = insideHook(subject, "id -u >/out/id; pwd >/out/cwd; env >/out/env; cat >/out/state", {
      env: ["MARK=1 2"],
    });
    const early = readdirSync(out);
    const { status } = subject.call("start", id);
    const read = (name: string): string => subject.normalise(readFileSync(join(out, name), "utf8").trim());
    const env = read("env").split("\n");
    const answer = [early, status, read("id"), read("cwd"), env.includes("MARK=1 2"), withoutRequest(read("state"))];
    const after = subject.status(id);
    subject.remove(id);
    return [...answer, after];
  });
  alike("startContainer without an environment has the container's", (subject) => {
    const { id, out } = insideHook(subject, "echo $OF_CONTAINER >/out/env");
    subject.must("start", id);
    subject.remove(id);
    return readFileSync(join(out, "env"), "utf8");
  });
  alike("startContainer that fails ends the container", async (subject) => {
    const { id } = insideHook(subject, "exit 3");
    subject.call("start", id);
    const status = await subject.until(id, "stopped");
    subject.remove(id);
    return status;
  });
  alike(
    "startContainer that fails: what start says",
    (subject) => {
      const { id } = insideHook(subject, "exit 3");
      const { status } = subject.call("start", id);
      subject.remove(id);
      return status;
    },
    { expected: 0, enclave: { answer: 1, because: "startContainer" } },
  );
});

/** A created container with a startContainer hook: a line of shell that finds a folder of the host at /out. */
function insideHook(subject: Subject, line: string, more: object = {}): { id: string; out: string } {
  const out = subject.path(`out-${subject.id()}`);
  mkdirSync(out);
  chmodSync(out, 0o777);
  const folder = subject.bundle(["sleep"], (spec) => {
    withHook("startContainer", { path: "/busybox", args: ["busybox", "sh", "-c", line], ...more })(spec);
    spec.process["user"] = { uid: 1000, gid: 1000 };
    spec.process.env = ["PATH=/", "OF_CONTAINER=yes"];
    spec.annotations = {};
    spec.mounts.push({ destination: "/out", type: "bind", source: out, options: ["bind", "rw"] });
  });
  copyFileSync("/bin/busybox", join(folder, "rootfs", "busybox"));
  const applets = ["id", "env", "cat", "pwd"];
  for (const applet of applets) symlinkSync("busybox", join(folder, "rootfs", applet));
  const id = subject.id();
  subject.mustDetached(["create", "-b", folder, id]);
  return { id, out };
}

/** What asks for the enclave is the caller's own, and is the one thing that differs. */
function withoutRequest(state: string): object {
  const { annotations = {}, ...rest } = JSON.parse(state) as { annotations?: object };
  return { ...rest, annotations: Object.entries(annotations).filter(([key]) => !key.startsWith("enclave.")) };
}
