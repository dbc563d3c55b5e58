/** docs/guides/docker.md, command by command, with a real dockerd. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Docker } from "../support/docker.ts";
import { parseGuide } from "../support/guide.ts";
import { BIN, cannotRun } from "../support/testbed.ts";

const root = join(import.meta.dirname, "..", "..");
const steps = parseGuide(readFileSync(join(root, "docs", "guides", "docker.md"), "utf8"));
const DAEMON_JSON = '{\n    "log-driver": "json-file"\n}\n';

/** What systemd's units do, with this test's daemons in place of the machine's. $BED is the testbed's folder. */
const SYSTEMCTL = `#!/bin/sh
set -eu
within() { for try in $(seq 150); do if "$@" >/dev/null 2>&1; then return; fi; sleep 0.1; done; echo "systemctl: $* never came true" >&2; exit 1; }
pid() { cat "$BED/docker.pid"; }
reloads() { grep -c 'Reloaded configuration' "$BED/dockerd.log" || true; }
case "$*" in
"enable --now attesterd")
  attesterd serve >"$BED/guide-attesterd.log" 2>&1 </dev/null &
  echo $! >"$BED/guide-attesterd.pid"
  within test -S "$BED/guide.sock" ;;
"reload docker")
  before=$(reloads); kill -HUP "$(pid)"
  is_reloaded() { [ "$(reloads)" -gt "$before" ]; }
  within is_reloaded ;;
"restart docker")
  old=$(pid); cp "/proc/$old/cmdline" "$BED/cmdline"; kill "$old"
  # One that waits for its parent still takes signals, but has no command line any more.
  has_ended() { ! grep -q . "/proc/$old/cmdline"; }
  within has_ended
  xargs -0 -a "$BED/cmdline" setsid -f sh -c 'exec "$@" >>"$BED/dockerd.log" 2>&1 </dev/null' sh
  within docker version ;;
*) echo "systemctl: $* is not known here" >&2; exit 1 ;;
esac
`;

describe("docs/guides/docker.md", { skip: cannotRun("dockerd", "docker") }, () => {
  let docker: Docker;
  before(async () => {
    docker = await Docker.create("dockerguide", DAEMON_JSON);
    const { bed } = docker;
    docker.must("tag", "probe", "busybox");
    for (const folder of ["guide", "guide-bin"]) mkdirSync(bed.path(folder));
    writeFileSync(bed.path("guide-bin", "systemctl"), SYSTEMCTL);
    chmodSync(bed.path("guide-bin", "systemctl"), 0o755);
    const config = readFileSync(bed.path("config.toml"), "utf8");
    // The guide makes its own platform and starts its own attesterd.
    writeFileSync(
      bed.path("config.toml"),
      config
        .replace(bed.path("attesterd.sock"), bed.path("guide.sock"))
        .replace(bed.path("platform"), bed.path("mine")),
    );
  });
  after(async () => {
    await end(docker.bed.path("guide-attesterd.pid"));
    await end(docker.bed.path("docker.pid"));
    assert.deepEqual(await docker.close(), []);
  });

  /** Runs commands as the guide's reader does, with the testbed's folder at /etc/docker. */
  function shell(commands: string): { status: number | null; stdout: string; stderr: string } {
    const { bed, host } = docker;
    const tools = [bed.path("guide-bin"), BIN, join(root, "node_modules", ".bin"), dirname(process.execPath)];
    return spawnSync(
      "unshare",
      ["--mount", "sh", "-euc", 'mount --bind "$BED" /etc/docker; exec sh -euc "$1"', "sh", commands],
      {
        encoding: "utf8",
        cwd: bed.path("guide"),
        env: {
          ...bed.env,
          BED: bed.directory,
          DOCKER_HOST: host,
          DOCKER_CONFIG: bed.path("client"),
          PATH: `${tools.join(":")}:${process.env["PATH"] ?? ""}`,
        },
        stdio: ["ignore", "pipe", "pipe"],
        timeout: 60_000,
        killSignal: "SIGKILL",
      },
    );
  }

  it("has commands to run", () => assert.ok(steps.length >= 8, `${steps.length} blocks of commands`));

  for (const { line, commands, output } of steps) {
    it(`line ${line}: ${commands.split("\n")[0]}`, () => {
      const { status, stdout, stderr } = shell(commands);
      assert.equal(status, 0, stdout + stderr);
      if (output !== undefined) assert.match(stdout.trim(), output, stderr);
    });
  }

  it("ends with the daemon.json that was there before, and nothing beside it", () => {
    const { directory } = docker.bed;
    assert.equal(readFileSync(join(directory, "daemon.json"), "utf8"), DAEMON_JSON);
    assert.deepEqual(
      readdirSync(directory).filter((name) => name.startsWith("daemon.json")),
      ["daemon.json"],
    );
  });
});

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
