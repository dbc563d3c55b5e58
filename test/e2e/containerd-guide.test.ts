/** docs/guides/containerd.md, command by command, with a real containerd. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parseGuide } from "../support/guide.ts";
import { BIN, cannotRun, Testbed } from "../support/testbed.ts";

const root = join(import.meta.dirname, "..", "..");
const steps = parseGuide(readFileSync(join(root, "docs", "guides", "containerd.md"), "utf8"));
const NAMESPACE = `guide${process.pid}`;
/** What the guide's reader has at places of the machine; in the test each is a folder of the testbed's. */
const PLACES = {
  "/etc/containerd": "etc-containerd",
  "/etc/inclavare-containers": "etc-inclavare",
  "/run/containerd": "run-containerd",
} as const;

/** What reaches out. */
const DISABLED = ["aufs", "btrfs", "devmapper", "zfs"].map((name) => `"io.containerd.snapshotter.v1.${name}"`);

/** What systemd's units do, with this test's daemons in place of the machine's. $BED is the testbed's folder. */
const SYSTEMCTL = `#!/bin/sh
set -eu
within() { for try in $(seq 150); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; echo "systemctl: $* never came true" >&2; return 1; }
case "$*" in
"enable --now attesterd")
  attesterd serve >"$BED/guide-attesterd.log" 2>&1 </dev/null &
  echo $! >"$BED/guide-attesterd.pid"
  within test -S "$BED/guide.sock" ;;
"restart containerd")
  if [ -e "$BED/containerd.pid" ]; then
    old=$(cat "$BED/containerd.pid"); kill "$old"
    has_ended() { ! grep -q . "/proc/$old/cmdline"; }
    within has_ended
  fi
  containerd >>"$BED/containerd.log" 2>&1 </dev/null &
  echo $! >"$BED/containerd.pid"
  within ctr version || { tail -n 3 "$BED/containerd.log" >&2; exit 1; } ;;
*) echo "systemctl: $* is not known here" >&2; exit 1 ;;
esac
`;

describe("docs/guides/containerd.md", { skip: cannotRun("containerd", "ctr", "busybox") }, () => {
  let bed: Testbed;
  let config: string;
  let mounts: ChildProcess;
  const made: string[] = [];

  before(async () => {
    bed = await Testbed.create("containerdguide");
    for (const folder of ["guide", "guide-bin", ...Object.values(PLACES)]) mkdirSync(bed.path(folder));
    for (const place of Object.keys(PLACES)) {
      if (existsSync(place)) continue;
      mkdirSync(place); // a mount point
      made.push(place);
    }
    writeFileSync(bed.path("guide-bin", "systemctl"), SYSTEMCTL);
    chmodSync(bed.path("guide-bin", "systemctl"), 0o755);
    config =
      `# This node's own.\nversion = 2\nroot = "${bed.path("root")}"\nstate = "${bed.path("state")}"\n` +
      `disabled_plugins = [${DISABLED.join(", ")}]\n\n[debug]\n  level = "warn" # enough\n\n` +
      `[plugins."io.containerd.internal.v1.opt"]\n  path = "${bed.path("opt")}"\n` +
      `[plugins."io.containerd.grpc.v1.cri".cni]\n  conf_dir = "${bed.path("cni")}"\n`;
    writeFileSync(bed.path("etc-containerd", "config.toml"), config);
    // The guide makes its own platform and starts its own attesterd.
    const file = bed.path("config.toml");
    const own = readFileSync(file, "utf8").replace(bed.path("attesterd.sock"), bed.path("guide.sock"));
    writeFileSync(file, own.replace(bed.path("platform"), bed.path("mine")));
    mounts = await holdMounts(bed);
  });

  after(async () => {
    for (const daemon of ["containerd", "guide-attesterd"]) await end(bed.path(`${daemon}.pid`));
    mounts.kill("SIGKILL");
    const left = bed.traces(NAMESPACE).filter((trace) => !trace.endsWith(NAMESPACE));
    await bed[Symbol.asyncDispose]();
    for (const place of made) rmdirSync(place);
    for (const controller of readdirSync("/sys/fs/cgroup")) {
      const folder = join("/sys/fs/cgroup", controller, NAMESPACE);
      if (existsSync(folder)) rmdirSync(folder);
    }
    assert.deepEqual(left, []);
  });

  /** Runs commands as the guide's reader does. */
  function shell(commands: string): { status: number | null; stdout: string; stderr: string } {
    const tools = [bed.path("guide-bin"), BIN, join(root, "node_modules", ".bin"), dirname(process.execPath)];
    const env = {
      ...bed.env,
      BED: bed.directory,
      CONTAINERD_NAMESPACE: NAMESPACE,
      PATH: `${tools.join(":")}:${process.env["PATH"] ?? ""}`,
    };
    const words = [
      "--target",
      String(mounts.pid),
      "--mount",
      "--wd",
      "--",
      "sh",
      "-euc",
      `cd "$BED/guide"; ${commands}`,
    ];
    return spawnSync("nsenter", words, {
      encoding: "utf8",
      env,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 60_000,
      killSignal: "SIGKILL",
    });
  }

  it("has commands to run", () => assert.ok(steps.length >= 10, `${steps.length} blocks of commands`));

  for (const { line, commands, output } of steps) {
    it(`line ${line}: ${commands.split("\n")[0]}`, () => {
      const { status, stdout, stderr } = shell(commands);
      assert.equal(status, 0, stdout + stderr);
      if (output !== undefined) assert.match(stdout.trim(), output, stderr);
    });
  }

  it("ends with the configuration that was there before, and nothing beside it", () => {
    assert.equal(readFileSync(bed.path("etc-containerd", "config.toml"), "utf8"), config);
    assert.deepEqual(readdirSync(bed.path("etc-containerd")), ["config.toml"]);
    assert.deepEqual(readdirSync(bed.path("etc-inclavare")), []);
  });
});

/** A process that keeps a mount namespace in which the testbed's folders lie at the machine's places. */
async function holdMounts(bed: Testbed): Promise<ChildProcess> {
  const binds = Object.entries(PLACES).map(([place, folder]) => `mount --bind '${bed.path(folder)}' ${place}`);
  const script = `${binds.join(" && ")} && echo ready && exec sleep infinity >/dev/null`;
  const child = spawn("unshare", ["--mount", "sh", "-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  bed.own(child);
  await once(child.stdout, "data", { signal: AbortSignal.timeout(10_000) });
  return child;
}

/** Ends the daemon whose number is in a file, if it runs. */
async function end(pidFile: string): Promise<void> {
  if (!existsSync(pidFile)) return;
  const pid = Number(readFileSync(pidFile, "utf8"));
  try {
    process.kill(pid, "SIGTERM");
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) process.kill(pid, 0);
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
}
