import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { MutableSpec } from "../support/testbed.ts";
import { conformance } from "./alike.ts";
import { HostView } from "./host-view.ts";
import { dockerSeccomp } from "./seccomp.ts";
import type { Subject } from "./subject.ts";

const DOCKER_CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FSETID",
  "CAP_FOWNER",
  "CAP_MKNOD",
  "CAP_NET_RAW",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETFCAP",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_SYS_CHROOT",
  "CAP_KILL",
];

/** Everything at once that can be set without getting into another's way. */
function everything(subject: Subject): (spec: MutableSpec) => void {
  const [readOnly, writable] = [subject.path("ro"), subject.path("rw")];
  for (const folder of [readOnly, writable]) mkdirSync(folder, { recursive: true });
  writeFileSync(join(readOnly, "file"), "from outside");
  return (spec) => {
    Object.assign(spec.process, {
      user: { uid: 1000, gid: 1001, additionalGids: [5, 6], umask: 0o027 },
      noNewPrivileges: true,
      oomScoreAdj: 321,
      capabilities: {
        bounding: DOCKER_CAPABILITIES,
        effective: ["CAP_KILL", "CAP_CHOWN"],
        permitted: ["CAP_KILL", "CAP_CHOWN"],
        inheritable: ["CAP_KILL"],
        ambient: ["CAP_KILL"],
      },
      rlimits: [
        { type: "RLIMIT_NOFILE", soft: 256, hard: 512 },
        { type: "RLIMIT_CORE", soft: 0, hard: 0 },
        { type: "RLIMIT_STACK", soft: 8388608, hard: 16777216 },
        { type: "RLIMIT_NPROC", soft: 300, hard: 400 },
        { type: "RLIMIT_FSIZE", soft: 1048576, hard: 1048576 },
        // Not less: runc sets limits before it compiles the seccomp filter, with a good GiB of addresses in use already.
        { type: "RLIMIT_AS", soft: 2 ** 33, hard: 2 ** 33 },
      ],
    });
    spec["hostname"] = "conforming";
    spec.root.readonly = true;
    spec.mounts = [
      ...spec.mounts,
      { destination: "/mnt/ro", type: "bind", source: readOnly, options: ["rbind", "ro", "nosuid", "nodev"] },
      { destination: "/mnt/rw", type: "bind", source: writable, options: ["rbind", "rw"] },
      { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["noexec", "mode=1777", "size=1m"] },
    ];
    Object.assign(spec.linux, {
      seccomp: dockerSeccomp(),
      cgroupsPath: `/${subject.cgroup}`,
      sysctl: { "net.ipv4.ip_forward": "1", "kernel.shmmax": "123456" },
      maskedPaths: ["/proc/kcore", "/proc/latency_stats", "/sys/firmware"],
      readonlyPaths: ["/proc/sys", "/proc/bus"],
      rootfsPropagation: "rslave",
      resources: {
        devices: [{ allow: false, access: "rwm" }],
        memory: { limit: 268435456, swap: 536870912, reservation: 134217728 },
        cpu: { shares: 512, quota: 50000, period: 100000 },
        pids: { limit: 123 },
      },
    });
  };
}

const views = new Map<Subject, HostView>();
const ids = new Map<Subject, string>();

function view(subject: Subject): HostView {
  const known = views.get(subject);
  if (known !== undefined) return known;
  const folder = subject.bundle(["sleep"], everything(subject));
  for (const point of ["mnt/ro", "mnt/rw", "scratch"]) mkdirSync(join(folder, "rootfs", point), { recursive: true });
  const id = subject.id();
  subject.mustDetached(["create", "-b", folder, id]);
  subject.must("start", id);
  ids.set(subject, id);
  const made = new HostView(subject.state(id).pid);
  views.set(subject, made);
  return made;
}

conformance("attributes", (alike) => {
  for (const name of [
    "Uid",
    "Gid",
    "Groups",
    "Umask",
    "NoNewPrivs",
    "Seccomp",
    "CapInh",
    "CapPrm",
    "CapEff",
    "CapBnd",
    "CapAmb",
  ])
    alike(`process: ${name}`, (subject) => view(subject).status(name));
  for (const name of ["Max core file size", "Max stack size", "Max processes", "Max file size"])
    alike(`rlimits: ${name}`, (subject) => view(subject).limit(name));
  alike("rlimits: Max open files", (subject) => view(subject).limit("Max open files"), {
    expected: "256 512",
    enclave: { answer: "1024 1024", because: "rlimits" },
  });
  alike("rlimits: Max address space", (subject) => view(subject).limit("Max address space"), {
    expected: "8589934592 8589934592",
    enclave: { answer: "unlimited unlimited", because: "rlimits" },
  });
  alike("oom score", (subject) => view(subject).file("oom_score_adj"), { expected: "321" });
  alike("mounts, their options and order", (subject) =>
    view(subject)
      .mounts()
      .map((line) => subject.normalise(line)),
  );
  alike("namespaces", (subject) => view(subject).namespaces());
  alike("hostname", (subject) => view(subject).inside(["--uts"], "hostname"), { expected: "conforming" });
  alike("sysctl", (subject) => [
    view(subject).inside(["--net"], "cat", "/proc/sys/net/ipv4/ip_forward"),
    view(subject).inside(["--ipc"], "cat", "/proc/sys/kernel/shmmax"),
  ]);
  alike("cgroup path", (subject) =>
    view(subject)
      .cgroupPaths()
      .map((line) => line.replaceAll(subject.cgroup, "CGROUP")),
  );
  for (const [controller, file] of [
    ["memory", "memory.limit_in_bytes"],
    ["memory", "memory.memsw.limit_in_bytes"],
    ["memory", "memory.soft_limit_in_bytes"],
    ["cpu", "cpu.shares"],
    ["cpu", "cpu.cfs_quota_us"],
    ["cpu", "cpu.cfs_period_us"],
    ["pids", "pids.max"],
    ["devices", "devices.list"],
  ] as const)
    alike(`cgroup: ${file}`, (subject) => view(subject).cgroup(controller, file));
  alike("update of limits by flags", (subject) => [
    subject.call("update", "--memory", "200000000", "--cpu-share", "300", "--pids-limit", "99", ids.get(subject) ?? ""),
    view(subject).cgroup("memory", "memory.limit_in_bytes"),
    view(subject).cgroup("cpu", "cpu.shares"),
    view(subject).cgroup("pids", "pids.max"),
  ]);
  alike("update of limits by a document", (subject) => {
    const input = JSON.stringify({ memory: { limit: 250_000_000 }, cpu: { quota: 70_000, period: 100_000 } });
    return [
      subject.callWith({ input }, "update", "--resources", "-", ids.get(subject) ?? ""),
      view(subject).cgroup("memory", "memory.limit_in_bytes"),
      view(subject).cgroup("cpu", "cpu.cfs_quota_us"),
    ];
  });
  alike("deletion leaves no cgroup", (subject) => {
    subject.remove(ids.get(subject) ?? "");
    return subject.call("list", "-q");
  });
});
