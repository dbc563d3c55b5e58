/** How a flag is written: with a value (a whole number for some), once or several times, or alone. */
export type FlagKind = "value" | "number" | "list" | "switch";
export type FlagTable = Readonly<Record<string, FlagKind>>;

/** A command of runc that rune has to understand; the other ones go to runc unread. */
export interface CommandShape {
  readonly flags: FlagTable;
  /** One letter for a flag's name. */
  readonly short: Readonly<Record<string, string>>;
  /** Flags end at the first positional: what follows is another program's command line. */
  readonly stopsAtPositional?: boolean;
}

export const GLOBAL_FLAGS: CommandShape = {
  flags: {
    debug: "switch",
    log: "value",
    "log-format": "value",
    "log-level": "value",
    root: "value",
    criu: "value",
    "systemd-cgroup": "switch",
    rootless: "value",
    help: "switch",
    version: "switch",
  },
  short: { h: "help", v: "version" },
  stopsAtPositional: true,
};

const create: FlagTable = {
  bundle: "value",
  "console-socket": "value",
  "pid-file": "value",
  "pidfd-socket": "value",
  "no-pivot": "switch",
  "no-new-keyring": "switch",
  "preserve-fds": "number",
};

/** What criu can be told; an enclave container is neither checkpointed nor restored, but its id has to be found. */
const criu: FlagTable = {
  "image-path": "value",
  "work-path": "value",
  "tcp-established": "switch",
  "ext-unix-sk": "switch",
  "shell-job": "switch",
  "lazy-pages": "switch",
  "file-locks": "switch",
  "manage-cgroups-mode": "value",
  "empty-ns": "list",
  "auto-dedup": "switch",
};

/** The commands that mean something else for an enclave container. Names and kinds are runc's, newer releases included. */
export const COMMANDS: ReadonlyMap<string, CommandShape> = new Map<string, CommandShape>([
  ["create", { flags: create, short: { b: "bundle" } }],
  [
    "run",
    {
      flags: { ...create, detach: "switch", keep: "switch", "no-subreaper": "switch" },
      short: { b: "bundle", d: "detach" },
    },
  ],
  ["start", { flags: {}, short: {} }],
  ["state", { flags: {}, short: {} }],
  ["kill", { flags: { all: "switch" }, short: { a: "all" } }],
  ["delete", { flags: { force: "switch" }, short: { f: "force" } }],
  ["list", { flags: { format: "value", quiet: "switch" }, short: { f: "format", q: "quiet" } }],
  ["features", { flags: {}, short: {} }],
  ["spec", { flags: { bundle: "value", rootless: "switch", enclave: "switch" }, short: { b: "bundle" } }],
  [
    "checkpoint",
    {
      flags: {
        ...criu,
        "parent-path": "value",
        "leave-running": "switch",
        "status-fd": "number",
        "page-server": "value",
        "pre-dump": "switch",
      },
      short: {},
    },
  ],
  [
    "restore",
    {
      flags: {
        ...criu,
        "console-socket": "value",
        bundle: "value",
        detach: "switch",
        "pid-file": "value",
        "no-subreaper": "switch",
        "no-pivot": "switch",
        "lsm-profile": "value",
        "lsm-mount-context": "value",
      },
      short: { b: "bundle", d: "detach" },
    },
  ],
  [
    "update",
    {
      flags: {
        resources: "value",
        "blkio-weight": "number",
        "cpu-period": "value",
        "cpu-quota": "value",
        "cpu-burst": "value",
        "cpu-share": "value",
        "cpu-rt-period": "value",
        "cpu-rt-runtime": "value",
        "cpu-idle": "value",
        "cpuset-cpus": "value",
        "cpuset-mems": "value",
        "kernel-memory": "value",
        "kernel-memory-tcp": "value",
        memory: "value",
        "memory-reservation": "value",
        "memory-swap": "value",
        "pids-limit": "number",
        "l3-cache-schema": "value",
        "mem-bw-schema": "value",
      },
      short: { r: "resources" },
    },
  ],
  ["attest", { flags: { nonce: "value", output: "value" }, short: { o: "output" } }],
  [
    "exec",
    {
      flags: {
        "console-socket": "value",
        "pidfd-socket": "value",
        cwd: "value",
        env: "list",
        tty: "switch",
        user: "value",
        "additional-gids": "list",
        process: "value",
        detach: "switch",
        "pid-file": "value",
        "process-label": "value",
        apparmor: "value",
        "no-new-privs": "switch",
        cap: "list",
        "preserve-fds": "number",
        cgroup: "list",
        "ignore-paused": "switch",
      },
      short: { e: "env", t: "tty", u: "user", g: "additional-gids", p: "process", d: "detach", c: "cap" },
      stopsAtPositional: true,
    },
  ],
]);
