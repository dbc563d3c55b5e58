/** How a flag is written: with a value, once or several times, or alone. */
export type FlagKind = "value" | "list" | "switch";
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
  "preserve-fds": "value",
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
        "preserve-fds": "value",
        cgroup: "list",
        "ignore-paused": "switch",
      },
      short: { e: "env", t: "tty", u: "user", g: "additional-gids", p: "process", d: "detach", c: "cap" },
      stopsAtPositional: true,
    },
  ],
]);
