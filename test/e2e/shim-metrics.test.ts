/** What operators see of a shim: metrics at a socket, failures in containerd's log. */
import assert from "node:assert/strict";
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, describe, it } from "node:test";
import { ShimBed } from "../support/shim-bed.ts";
import { cannotRun } from "../support/testbed.ts";

describe("containerd-shim-rune-v2 for its operators", { skip: cannotRun("containerd", "ctr", "busybox") }, () => {
  let shim: ShimBed;
  const folder = (): string => shim.bed.path("metrics");

  before(async () => {
    shim = await ShimBed.start("shimmetrics");
  });
  after(async () => assert.deepEqual(await shim.close(), []));

  /** As Prometheus, or whatever hands it the answer, fetches it. */
  async function scrape(socketPath: string): Promise<Map<string, number>> {
    const answer = await new Promise<string>((resolve, reject) => {
      request({ socketPath, path: "/metrics" }, (response) => {
        assert.equal(response.statusCode, 200);
        text(response).then(resolve, reject);
      })
        .on("error", reject)
        .end();
    });
    const samples = answer.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
    return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]));
  }

  it("keeps no metrics unless the configuration asks for them", () => {
    shim.detached("off", "sleep 100");
    assert.equal(existsSync(folder()), false);
    shim.removed("off");
  });

  it("counts containers, processes, exits and calls, at a socket that goes with it", async () => {
    appendFileSync(shim.bed.path("config.toml"), `\n[metrics]\nfolder = "${folder()}"\n`);
    shim.detached("measured", "sleep 100");
    const [name = ""] = readdirSync(folder());
    const socket = join(folder(), name);
    assert.deepEqual([statSync(folder()).mode & 0o777, statSync(socket).mode & 0o777], [0o700, 0o600]);
    assert.equal(shim.exec("measured", "three", ["/bin/sh", "-c", "exit 3"]).status, 3);
    assert.notEqual(shim.exec("measured", "none", ["/none"]).status, 0);
    const metrics = await scrape(socket);
    assert.equal(metrics.get("inclavare_shim_containers"), 1);
    assert.equal(metrics.get("inclavare_shim_processes"), 1);
    assert.equal(metrics.get('inclavare_shim_exits_total{result="nonzero"}'), 1);
    assert.equal(metrics.get('inclavare_shim_call_duration_seconds_count{method="Create"}'), 1);
    assert.equal(metrics.get('inclavare_shim_call_duration_seconds_count{method="Start"}'), 3);
    assert.equal(metrics.get('inclavare_shim_call_failures_total{method="Start"}'), 1);
    assert.ok((metrics.get("process_resident_memory_bytes") ?? 0) > 1e7);
    const pids = shim.shims("measured");
    shim.removed("measured");
    await shim.until("the shim has ended", () => pids.every((pid) => !existsSync(`/proc/${pid}`)));
    assert.deepEqual(readdirSync(folder()), []);
  });

  it("goes on without metrics when they cannot be had", () => {
    const file = shim.bed.path("config.toml");
    // Everybody may look into that folder.
    writeFileSync(file, readFileSync(file, "utf8").replace(folder(), shim.bed.path("image")));
    assert.equal(shim.sh("without", "echo fine").stdout, "fine\n");
    assert.match(readFileSync(shim.containerd.logFile, "utf8"), /level=warning.*there are no metrics.*ERR_FILE/u);
  });

  it("says in containerd's log which container failed, with the code", () => {
    const request = ["--annotation", "enclave.type=intelTdx", "--annotation", "enclave.runtime.path=wasm"];
    const { stderr } = shim.sh("refused", "true", ...request);
    assert.match(stderr, /^ctr: .*this machine has no intelTdx[^\n]*\(ERR_TEE_UNAVAILABLE\)[^\n]*\n$/u);
    const lines = readFileSync(shim.containerd.logFile, "utf8").split("\n");
    const line = lines.find((said) => said.includes("method=Create") && said.includes("id=refused")) ?? "";
    assert.match(line, /level=error .*method=Create .*id=refused .*code=ERR_TEE_UNAVAILABLE/u);
  });
});
