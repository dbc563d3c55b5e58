/** The seccomp profile in deploy/seccomp is enough for init-runelet, whatever is asked of it, and has nothing in it twice. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Probes } from "../support/probes.ts";
import { BIN, cannotRun, type MutableSpec } from "../support/testbed.ts";

const PROFILE = join(import.meta.dirname, "..", "..", "deploy", "seccomp", "enclave.json");
const SKELETON = join(BIN, "..", "lib", "inclavare", "pals", "liberpal-skeleton-v3.so");
const profile = JSON.parse(readFileSync(PROFILE, "utf8")) as { syscalls: { names: string[] }[] };

describe("the seccomp profile for enclave containers", { skip: cannotRun() }, () => {
  let probes: Probes;
  before(async () => {
    probes = await Probes.create("seccomp");
    probes.bed.configure(`pals = ["${SKELETON}"]`);
  });
  after(async () => assert.deepEqual(await probes.bed.close(probes.marker), []));

  const confined = (spec: MutableSpec): void => {
    spec.linux["seccomp"] = profile;
    spec.process["noNewPrivileges"] = true;
    spec.process["user"] = { uid: 1000, gid: 1000 };
  };

  it("is in force, and carries a container through its life", async () => {
    const { container } = probes.started(["write"], confined);
    const status = readFileSync(`/proc/${probes.state(container).pid}/status`, "utf8");
    assert.match(status, /^Seccomp:\t2$/mu);
    const further = probes.bed.rune("exec", container, "/app.wasm", "exit", "7");
    assert.equal(further.status, 7, further.stderr);
    const attested = probes.bed.rune("attest", "-o", probes.bed.path("evidence"), container);
    assert.equal(attested.status, 0, attested.stderr);
    assert.equal(probes.bed.rune("kill", container, "TERM").status, 0);
    await probes.bed.until(container, "stopped");
    probes.remove(container);
  });

  it("is enough for a PAL library that needs nothing of its own", () => {
    const folder = probes.bundle([], (spec) => {
      confined(spec);
      spec.annotations["enclave.runtime.path"] = SKELETON;
      spec.process.args = ["/bin/exit", "9"];
    });
    const { status, stderr } = probes.bed.rune("run", "-b", folder, probes.id());
    assert.equal(status, 9, stderr);
  });

  it("names each call once, in order", () => {
    const names = profile.syscalls.flatMap((rule) => rule.names);
    assert.deepEqual(names, [...new Set(names)].toSorted());
  });
});
