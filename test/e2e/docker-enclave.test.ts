/** Docker and enclave containers: the same commands, the same answers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Docker, ENCLAVE } from "../support/docker.ts";
import { BIN, cannotRun } from "../support/testbed.ts";

const SKELETON = join(BIN, "..", "lib", "inclavare", "pals", "liberpal-skeleton-v2.so");
const LIBRARY = ["-e", "ENCLAVE_TYPE=simulated", "-e", `ENCLAVE_RUNTIME_PATH=${SKELETON}`] as const;

describe("docker, enclave containers", { skip: cannotRun("dockerd", "docker") }, () => {
  let docker: Docker;
  before(async () => {
    docker = await Docker.create("dockertee");
    docker.bed.configure(`pals = ["${SKELETON}"]`);
  });
  after(async () => assert.deepEqual(await docker.close(), []));
  const run = (...args: readonly string[]): ReturnType<Docker["run"]> => docker.run(...ENCLAVE, ...args);

  it("an ordinary image runs in an enclave, by variables alone, and they do not reach the application", () => {
    const { stdout, status, stderr } = run("probe", "/app/main.wasm", "args", "a", "b  c");
    assert.deepEqual([stdout, status], ["/app/main.wasm\nargs\na\nb  c\n", 0], stderr);
    assert.equal(run("probe", "main.wasm", "exit", "7").status, 7);
    assert.doesNotMatch(run("-e", "MINE=1", "probe", "/app/main.wasm", "env").stdout, /ENCLAVE_/u);
    assert.match(run("-e", "MINE=1", "probe", "/app/main.wasm", "env").stdout, /^MINE=1$/mu);
  });

  for (const [what, args, status, message] of [
    ["a program that is not there", ["/none"], 127, /no such file or directory \(ERR_IMAGE_ENTRYPOINT\)/u],
    ["a name that is not in PATH", ["none"], 127, /executable file not found in \$PATH/u],
    ["a program that no enclave runs", ["/bin/busybox"], 125, /ERR_IMAGE_NOT_WASM/u],
  ] as const) {
    it(`${what} ends with ${status}`, () => {
      const { status: ended, stderr } = run("probe", ...args);
      assert.equal(ended, status, stderr);
      assert.match(stderr, message);
    });
  }

  for (const [what, flags, message] of [
    ["too few pids", ["--pids-limit", "10"], /at least 24 \(ERR_PIDS_LIMIT\)/u],
    ["too little memory", ["--memory", "16m"], /ERR_MEMORY_LIMIT/u],
    ["a contradiction", ["-e", "ENCLAVE_TYPE=intelTdx"], /ERR_(?:REQUEST_CONTRADICTION|TEE_UNAVAILABLE)/u],
    [
      "a library that the operator has not listed",
      ["-e", "ENCLAVE_RUNTIME_PATH=/x.so"],
      /ERR_RUNTIME_NOT_ALLOWED|ERR_REQUEST_CONTRADICTION/u,
    ],
  ] as const) {
    it(`${what}: 125, with the reason in one line`, () => {
      const { status, stderr } = run(...flags, "probe", "/app/main.wasm", "exit", "0");
      assert.equal(status, 125, stderr);
      assert.match(stderr, message);
    });
  }

  it("goes through a container's life: exec, logs, top, stats, pause, stop, wait", () => {
    const name = docker.start("life", ...ENCLAVE, "probe", "/app/main.wasm", "write");
    assert.equal(docker.docker("exec", name, "/app/main.wasm", "exit", "5").status, 5);
    assert.equal(docker.must("exec", name, "/app/main.wasm", "args", "x"), "/app/main.wasm\nargs\nx");
    const missing = docker.docker("exec", name, "/none");
    assert.match(missing.stdout + missing.stderr, /no such file or directory/u);
    assert.ok([126, 127].includes(missing.status ?? 0), String(missing.status));
    assert.match(docker.must("top", name), /init-runelet/u);
    assert.match(docker.must("stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", name), /^\d+ .*iB/u);
    docker.must("pause", name);
    assert.equal(docker.inspect(name, "{{.State.Status}}"), "paused");
    docker.must("unpause", name);
    docker.must("stop", name);
    assert.equal(docker.must("wait", name), "143");
    assert.match(docker.must("logs", name), /^alive/u);
  });

  it("kills, restarts, and runs detached with a terminal", async () => {
    const killed = docker.start("killed", "-t", ...ENCLAVE, "probe", "/app/main.wasm", "sleep");
    docker.must("kill", killed);
    assert.equal(docker.must("wait", killed), "137");
    const again = docker.start(
      "again",
      "--restart",
      "on-failure:1",
      ...ENCLAVE,
      "probe",
      "/app/main.wasm",
      "exit",
      "3",
    );
    await docker.until(again, "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}", "1 exited 3");
  });

  it("is healthy by a program of the image", async () => {
    const check = `HEALTHCHECK --interval=1s CMD ["/app/main.wasm", "exit", "0"]`;
    docker.must("import", "-c", check, docker.bed.path("image.tar"), "checked");
    const name = docker.start("healthy", ...ENCLAVE, "checked", "/app/main.wasm", "sleep");
    await docker.until(name, "{{.State.Health.Status}}", "healthy");
  });

  it("has a terminal, for exec too, and reads what it is given", () => {
    const flags = ["--rm", "--network", "none", "--runtime", "rune", ...ENCLAVE];
    assert.match(
      docker.terminal("run", "-it", ...flags, "probe", "/app/main.wasm", "args", "x").stdout,
      /args\r\nx\r\n/u,
    );
    assert.equal(
      docker.dockerWith("typed\n", "run", "-i", ...flags, "probe", "/app/main.wasm", "cat").stdout,
      "typed\n",
    );
    const name = docker.start("beside", ...ENCLAVE, "probe", "/app/main.wasm", "sleep");
    const { stdout, status } = docker.terminal("exec", "-it", name, "/app/main.wasm", "args", "x");
    assert.deepEqual([status, /args\r\nx\r\n/u.test(stdout)], [0, true], stdout);
    assert.equal(docker.dockerWith("typed\n", "exec", "-i", name, "/app/main.wasm", "cat").stdout, "typed\n");
  });

  it("takes what people give to containers", () => {
    const root = docker.bed.path("image");
    const flags = [
      "--user",
      "1000:1000",
      "--read-only",
      "--tmpfs",
      "/scratch",
      "-v",
      `${root}:/data:ro`,
      "--init",
      "-w",
      "/tmp",
      "--memory",
      "128m",
      "--cpus",
      "1",
      "--pids-limit",
      "64",
      "--ulimit",
      "nofile=64:64",
      "--cap-drop",
      "ALL",
      "--security-opt",
      "no-new-privileges",
      "--hostname",
      "box",
      "--label",
      "a=b",
      "--stop-signal",
      "USR1",
    ];
    const { status, stderr } = run(...flags, "probe", "/app/main.wasm", "exit", "3");
    assert.equal(status, 3, stderr);
  });

  it("a PAL library gets the container's arguments, and its failures are told", () => {
    assert.equal(docker.run(...LIBRARY, "probe", "/bin/arguments", "a b", "").stdout, "<a b>\n<>\n");
    assert.equal(docker.run(...LIBRARY, "probe", "/bin/exit", "9").status, 9);
    const refused = docker.run(...LIBRARY, "-e", "ENCLAVE_RUNTIME_ARGS=fail-init=-13", "probe", "/bin/exit", "0");
    assert.match(refused.stderr, /pal_init .* EACCES/u);
    const crashed = docker.run(...LIBRARY, "-e", "ENCLAVE_RUNTIME_ARGS=crash-init", "probe", "/bin/exit", "0");
    assert.match(crashed.stderr, /crashed with SIGSEGV in pal_init/u);
    assert.equal(docker.run(...LIBRARY, "probe", "/bin/none").status, 127);
    assert.equal(docker.run(...LIBRARY, "probe", "/bin/crash").status, 139);
  });
});
