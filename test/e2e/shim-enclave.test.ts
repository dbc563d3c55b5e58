import assert from "node:assert/strict";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { probeProgram } from "../support/probe-program.ts";
import { ShimBed } from "../support/shim-bed.ts";
import { cannotRun } from "../support/testbed.ts";

const ENCLAVE = ["--annotation", "enclave.type=simulated", "--annotation", "enclave.runtime.path=wasm"];
let shim: ShimBed;
let rootfs: string;

/** `ctr run` of the probe program up to its arguments. */
function args(id: string, flags: readonly string[], request: readonly string[] = ENCLAVE): string[] {
  return [...shim.runArgsOf(rootfs, ...flags, ...request), id, "/app.wasm"];
}

describe(
  "enclave containers under containerd-shim-rune-v2",
  { skip: cannotRun("containerd", "ctr", "busybox") },
  () => {
    before(async () => {
      shim = await ShimBed.start("shimenclave");
      rootfs = shim.bed.path("wasm-image");
      mkdirSync(rootfs);
      writeFileSync(join(rootfs, "app.wasm"), await probeProgram());
    });
    after(async () => assert.deepEqual(await shim.close(), []));

    it("run to the end, with output and exit code", () => {
      const ended = shim.ctr(...args("seven", ["--rm"]), "exit", "7");
      assert.equal(ended.status, 7, ended.stderr);
      const printed = shim.ctr(...args("args", ["--rm"]), "args", "a b");
      assert.equal(printed.stdout, "/app.wasm\nargs\na b\n", printed.stderr);
    });

    it("run further processes, are told of, killed and deleted", async () => {
      assert.equal(shim.ctr(...args("long", ["--detach", "--null-io"]), "sleep").status, 0);
      assert.equal(shim.exec("long", "one", ["/app.wasm", "exit", "5"]).status, 5);
      assert.equal(shim.exec("long", "two", ["/app.wasm", "args", "x y"]).stdout, "/app.wasm\nargs\nx y\n");
      assert.equal(shim.ctr("task", "metrics", "long").status, 0);
      assert.equal(shim.ctr("task", "pause", "long").status, 0);
      assert.equal(shim.ctr("task", "resume", "long").status, 0);
      const refused = shim.ctr("task", "checkpoint", "long");
      assert.match(refused.stderr, /ERR_CHECKPOINT_UNSUPPORTED/u);
      assert.equal(shim.ctr("task", "kill", "--signal", "TERM", "long").status, 0);
      await shim.until("the end", () => shim.status("long") === "STOPPED");
      shim.deleted("long", 143);
    });

    it("that are refused say why in one sentence, and leave nothing", () => {
      const request = [...ENCLAVE, "--annotation", "enclave.runtime.loglevel=loud"];
      const refused = shim.ctr(...args("loud", ["--rm"], request), "exit", "0");
      assert.match(refused.stderr, /enclave\.runtime\.loglevel is "loud", expected one of .*ERR_REQUEST_VALUE/u);
      assert.equal(existsSync(shim.bundle("loud")), false);
    });

    it("share a pod's shim with plain containers", async () => {
      const pod = ["--annotation", `io.kubernetes.cri.sandbox-id=${shim.namespace}`];
      shim.detached("plain", "sleep 100", ...pod);
      assert.equal(shim.ctr(...args("secret", ["--detach", "--null-io", ...pod]), "sleep").status, 0);
      assert.equal(shim.shims().length, 1);
      shim.removed("secret");
      assert.equal(shim.status("plain"), "RUNNING");
      shim.removed("plain");
    });

    it("a runtime handler's options make an enclave the default", () => {
      const options = shim.bed.path("handler.toml");
      writeFileSync(options, '[default_enclave]\ntype = "simulated"\nruntime = "wasm"\n');
      const flags = ["--rm", "--runtime-config-path", options];
      const ended = shim.ctr(...args("default", flags, []), "exit", "9");
      assert.equal(ended.status, 9, ended.stderr);
    });

    it("the death of the shim takes them along", async () => {
      assert.equal(shim.ctr(...args("orphan", ["--detach", "--null-io"]), "sleep").status, 0);
      process.kill(shim.shims("orphan")[0] ?? assert.fail(), "SIGKILL");
      await shim.until("containerd has cleaned up", () => !existsSync(shim.bundle("orphan")));
      shim.ctr("container", "delete", "orphan");
    });
  },
);
