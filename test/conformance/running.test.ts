import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { conformance } from "./alike.ts";
import { HostView } from "./host-view.ts";
import type { Subject } from "./subject.ts";

const KIBIBYTE = 1024;

conformance("running", (alike) => {
  for (const code of [0, 255])
    alike(`run ends with the program's status ${code}, and leaves nothing`, (subject) => {
      const id = subject.id();
      return [subject.call("run", "--bundle", subject.bundle(["exit", String(code)]), id), subject.call("state", id)];
    });
  alike("run: arguments, 64 KiB of them, an environment of 64 KiB", (subject) => {
    const args = ["args", "a b", "", "--x=*", "x".repeat(64 * KIBIBYTE)];
    const folder = subject.bundle(args, (spec) => (spec.process.env = [`LONG=${"y".repeat(64 * KIBIBYTE)}`, "HOME=/"]));
    const { status, stdout } = subject.call("run", "-b", folder, subject.id());
    return [status, stdout.length, stdout.slice(0, 30)];
  });
  alike("run: stdin, and the bundle is the working directory", (subject) =>
    subject.callWith({ input: "one\ntwo", cwd: subject.bundle(["cat"]) }, "run", subject.id()),
  );
  alike("run --detach: a pid file, a running container", (subject) => {
    const [id, pidFile] = [subject.id(), subject.path("run.pid")];
    const answer = subject.callDetached(["run", "-d", "--pid-file", pidFile, "-b", subject.bundle(["sleep"]), id]);
    const { pid, status } = subject.state(id);
    const same = Number(readFileSync(pidFile, "utf8")) === pid;
    subject.remove(id);
    return { answer, status, same };
  });
  alike("run --keep leaves a stopped container", (subject) => {
    const id = subject.id();
    const answer = [
      subject.call("run", "--keep", "-b", subject.bundle(["exit", "3"]), id).status,
      subject.status(id),
      subject.call("start", id),
      subject.call("exec", id, "/probe"),
    ];
    subject.remove(id);
    return answer;
  });
  alike(
    "run passes signals on",
    async (subject) => {
      const id = subject.id();
      const child = subject.spawn(["run", "-b", subject.bundle(["write"]), id], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      if (child.stdout === null) throw new Error("no output");
      await once(child.stdout, "data");
      child.stdout.resume();
      child.kill("SIGTERM");
      return await once(child, "exit");
    },
    { expected: [143, null] },
  );
  alike("run takes every flag that callers pass", (subject) => {
    const flags = ["--no-pivot", "--no-new-keyring", "--no-subreaper"];
    const words = [
      "--debug",
      "--rootless",
      "false",
      "run",
      ...flags,
      "-b",
      subject.bundle(["exit", "6"]),
      subject.id(),
    ];
    const { status, stdout } = subject.call(...words);
    return [status, stdout];
  });
  alike(
    "a working directory that is missing is made",
    (subject) => {
      const folder = subject.bundle(["exit", "0"], (spec) => (spec.process["cwd"] = "/made/for/it"));
      const { status } = subject.call("run", "-b", folder, subject.id());
      return [status, existsSync(join(folder, "rootfs", "made", "for", "it"))];
    },
    { expected: [0, true], enclave: { answer: [1, false], because: "cwd" } },
  );
  alike(
    "small limits: the program still runs",
    (subject) => {
      const folder = subject.bundle(["exit", "4"], (spec) => {
        spec.process["user"] = { uid: 1234, gid: 1234 };
        spec.process["rlimits"] = [
          ...["RLIMIT_NOFILE", "RLIMIT_NPROC"].map((type) => ({ type, soft: 16, hard: 16 })),
          ...["RLIMIT_AS", "RLIMIT_DATA"].map((type) => ({ type, soft: 1 << 27, hard: 1 << 27 })),
          { type: "RLIMIT_FSIZE", soft: 0, hard: 0 },
          { type: "RLIMIT_MEMLOCK", soft: 0, hard: 0 },
          { type: "RLIMIT_STACK", soft: 1 << 18, hard: 1 << 18 },
        ];
      });
      return subject.call("run", "-b", folder, subject.id());
    },
    { expected: { status: 4, stdout: "", stderr: "" } },
  );

  const preserved = (subject: Subject, flags: readonly string[], env: NodeJS.ProcessEnv): Record<string, string> => {
    const [folder, id] = [subject.bundle(["sleep"]), subject.id()];
    const files = ["a", "b"].map((name) => subject.path(name));
    const descriptors = files.map((file) => openSync(file, "w"));
    subject.mustDetached(["create", ...flags, "-b", folder, id], { descriptors, env });
    for (const descriptor of descriptors) closeSync(descriptor);
    subject.must("start", id);
    const { pid } = subject.state(id);
    waitForProgram(pid);
    const open = Object.fromEntries(readdirSync(`/proc/${pid}/fd`).map((number) => [number, targetOf(pid, number)]));
    subject.remove(id);
    return Object.fromEntries(
      Object.entries(open)
        .filter(([, target]) => files.includes(target))
        .map(([number, target]) => [number, subject.normalise(target)]),
    );
  };
  alike(
    "--preserve-fds: the descriptors are the container's",
    (subject) => preserved(subject, ["--preserve-fds", "2"], {}),
    {
      expected: { 3: "OWN/a", 4: "OWN/b" },
    },
  );
  alike("LISTEN_FDS: sockets that are handed on", (subject) => preserved(subject, [], { LISTEN_FDS: "2" }), {
    expected: { 3: "OWN/a", 4: "OWN/b" },
    enclave: { answer: {}, because: "listen-fds" },
  });
  alike("without it they are not", (subject) => preserved(subject, [], {}), { expected: {} });

  alike(
    "namespaces by path",
    async (subject) => {
      const holder = spawn(
        "unshare",
        ["--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "sh", "-c", "echo; sleep 60"],
        {
          stdio: ["ignore", "pipe", "ignore"],
        },
      );
      await once(holder.stdout, "data");
      try {
        const child = readFileSync(`/proc/${holder.pid}/task/${holder.pid}/children`, "utf8").trim();
        const paths = { network: "net", ipc: "ipc", uts: "uts", pid: "pid" };
        const id = subject.started(["sleep"], (spec) => {
          delete spec["hostname"];
          spec.linux["namespaces"] = [
            ...Object.entries(paths).map(([type, name]) => ({ type, path: `/proc/${child}/ns/${name}` })),
            { type: "mount" },
          ];
        });
        const view = new HostView(subject.state(id).pid);
        const answer = Object.values(paths).map(
          (name) => view.namespace(name) === readlinkSync(`/proc/${child}/ns/${name}`),
        );
        subject.remove(id);
        return answer;
      } finally {
        holder.kill("SIGKILL");
      }
    },
    { expected: [true, true, true, true] },
  );
  alike("a user namespace with mappings", (subject) => {
    const mappings = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
    chmodSync(subject.bed.directory, 0o755); // the container's root is nobody outside
    const id = subject.started(["sleep"], (spec) => {
      Object.assign(spec.linux, { uidMappings: mappings, gidMappings: mappings });
      (spec.linux["namespaces"] as { type: string }[]).push({ type: "user" });
    });
    const view = new HostView(subject.state(id).pid);
    const answer = [
      view.file("uid_map").split(/ +/u),
      view.status("Uid"),
      view.status("Gid"),
      view.namespaces()["user"],
    ];
    subject.remove(id);
    return answer;
  });
  alike("--root separates", (subject) => {
    const id = subject.created(["sleep"]);
    const other = subject.path("other-root");
    mkdirSync(other);
    writeFileSync(join(other, ".keep"), "");
    const answer = [subject.call("--root", other, "state", id), subject.status(id)];
    subject.remove(id);
    return answer;
  });
});

/** `start` returns before runc's own process has become the program, and has closed what is not the program's. */
function waitForProgram(pid: number): void {
  const deadline = Date.now() + 10_000;
  while (readFileSync(`/proc/${pid}/comm`, "utf8").startsWith("runc") && Date.now() < deadline)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
}

/** @returns nothing for a descriptor that was closed meanwhile */
function targetOf(pid: number, descriptor: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${descriptor}`);
  } catch {
    return "";
  }
}
