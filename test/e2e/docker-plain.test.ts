/** Docker with rune in place of runc: nobody notices until an enclave is asked for. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Docker } from "../support/docker.ts";
import { cannotRun } from "../support/testbed.ts";

describe("docker, plain containers", { skip: cannotRun("dockerd", "docker") }, () => {
  let docker: Docker;
  before(async () => {
    docker = await Docker.create("dockerplain");
  });
  after(async () => assert.deepEqual(await docker.close(), []));

  it("knows the runtime", () =>
    assert.match(docker.must("info", "--format", "{{json .Runtimes}}"), /"rune":\{"path"/u));

  it("gives output and exit codes", () => {
    const { stdout, status } = docker.run("probe", "echo", "a  b");
    assert.deepEqual([stdout, status], ["a  b\n", 0]);
    assert.equal(docker.run("probe", "sh", "-c", "exit 7").status, 7);
    const killed = docker.start("killed", "probe", "sleep", "60");
    docker.must("kill", killed);
    assert.equal(docker.must("wait", killed), "137");
  });

  it("tells a missing program, a folder and a file that is none as with runc", () => {
    for (const program of ["/none", "/app", "/app/data"]) {
      const runc = docker.docker("run", "--rm", "--network", "none", "--runtime", "runc", "probe", program).status;
      assert.equal(docker.run("probe", program).status, runc, program);
    }
  });

  it("has a terminal, and reads what it is given", () => {
    const flags = ["--rm", "--network", "none", "--runtime", "rune"];
    assert.match(
      docker.terminal("run", "-it", ...flags, "probe", "sh", "-c", "test -t 0 && echo yes").stdout,
      /yes\r\n/u,
    );
    assert.equal(docker.dockerWith("typed\n", "run", "-i", ...flags, "probe", "cat").stdout, "typed\n");
  });

  it("goes through a container's life: exec, logs, top, stats, pause, stop, wait", async () => {
    const name = docker.start(
      "life",
      "probe",
      "sh",
      "-c",
      "echo started; trap 'exit 9' TERM; while :; do sleep 0.1; done",
    );
    assert.equal(docker.docker("exec", name, "sh", "-c", "exit 5").status, 5);
    assert.equal(
      docker.must("exec", "-e", "A=b", "-w", "/tmp", "-u", "1000", name, "sh", "-c", "echo $A $PWD; id -u"),
      "b /tmp\n1000",
    );
    assert.match(docker.must("top", name), /sleep/u);
    assert.match(docker.must("stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", name), /^\d+ .*iB/u);
    docker.must("pause", name);
    assert.equal(docker.inspect(name, "{{.State.Status}}"), "paused");
    docker.must("unpause", name);
    docker.must("update", "--memory", "64m", "--memory-swap", "64m", name);
    docker.must("stop", name);
    assert.equal(docker.must("wait", name), "9");
    assert.equal(docker.must("logs", name), "started");
  });

  it("restarts, and kills what takes too much memory", async () => {
    const name = docker.start("again", "--restart", "on-failure:2", "probe", "sh", "-c", "exit 3");
    await docker.until(name, "{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}", "2 exited 3");
    const eater = ["--memory", "16m", "--memory-swap", "16m", "probe", "sh", "-c", "x=a; while :; do x=$x$x; done"];
    assert.equal(docker.run(...eater).status, 137);
  });

  it("takes volumes, users, read-only roots and limits", () => {
    const root = docker.bed.path("image");
    const script = "id -u; cat /data/app/data; touch /x 2>/dev/null || echo read-only";
    const flags = [
      "-v",
      `${root}:/data:ro`,
      "--user",
      "1000",
      "--read-only",
      "--tmpfs",
      "/tmp",
      "--cpus",
      "1",
      "--pids-limit",
      "10",
    ];
    assert.equal(docker.run(...flags, "probe", "sh", "-c", script).stdout, "1000\nno programread-only\n");
  });
});
