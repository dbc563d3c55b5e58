/** A TEE image under Docker: its own manifest says what comes in. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Docker, ENCLAVE } from "../support/docker.ts";
import { probeProgram } from "../support/probe-program.ts";
import { teeImage } from "../support/tee-image.ts";
import { cannotRun } from "../support/testbed.ts";

describe("docker, a TEE image", { skip: cannotRun("dockerd", "docker") }, () => {
  let docker: Docker;
  before(async () => {
    docker = await Docker.create("dockerimage");
    const root = docker.bed.path("tee");
    const manifest = { args: { fromOutside: true }, env: { fixed: { FIXED: "yes" }, fromOutside: ["MINE"] } } as const;
    for (const [path, bytes] of Object.entries(await teeImage(await probeProgram(), manifest))) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), bytes, { mode: 0o755 });
    }
    execFileSync("tar", ["-C", root, "-cf", docker.bed.path("tee.tar"), "."]);
    docker.must("import", "-c", 'ENTRYPOINT ["/app.wasm"]', docker.bed.path("tee.tar"), "tee");
  });
  after(async () => assert.deepEqual(await docker.close(), []));

  it("runs with what its manifest fixes, and with what it lets in", () => {
    const { status, stdout, stderr } = docker.run(...ENCLAVE, "-e", "MINE=1", "-e", "OTHER=2", "tee", "env");
    assert.equal(status, 0, stderr);
    assert.deepEqual(stdout.trim().split("\n").toSorted(), ["FIXED=yes", "MINE=1"]);
    assert.equal(docker.run(...ENCLAVE, "tee", "exit", "7").status, 7);
  });

  it("is refused with another value of what is fixed, or as another program", () => {
    const other = docker.run(...ENCLAVE, "-e", "FIXED=no", "tee", "env");
    assert.deepEqual([other.status, /\(ERR_MANIFEST_FORBIDS\)/u.test(other.stderr)], [125, true], other.stderr);
    const program = docker.run(...ENCLAVE, "--entrypoint", "/other.wasm", "tee");
    assert.deepEqual([program.status, /\(ERR_MANIFEST_FORBIDS\)/u.test(program.stderr)], [125, true], program.stderr);
  });

  it("refuses exec where the manifest does, and stops on SIGTERM", () => {
    const name = docker.start("closed", ...ENCLAVE, "tee", "sleep");
    const { status, stdout, stderr } = docker.docker("exec", name, "/app.wasm", "exit", "0");
    assert.deepEqual([status, /\(ERR_EXEC_FORBIDDEN\)/u.test(stdout + stderr)], [126, true], stdout + stderr);
    docker.must("stop", name);
    assert.equal(docker.must("wait", name), "143");
  });
});
