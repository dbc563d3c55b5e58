import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { decodeSigstruct } from "@inclavare/sgx";
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

    describe("of an ordinary image", () => {
      const cache = (): string => shim.bed.path("enclaves");
      /** Runs the probe in a copy of the image, as every container has its own. @returns exit code and standard error */
      function ran(id: string, edit: (image: string) => void = () => undefined): [number | null, string] {
        const image = shim.bed.path(`image-${id}`);
        cpSync(rootfs, image, { recursive: true, preserveTimestamps: true });
        for (const name of readdirSync(image)) if (name !== "app.wasm") rmSync(join(image, name), { recursive: true });
        edit(image);
        const words = [...shim.runArgsOf(image, "--rm", "--env", `HOSTNAME=${id}`, ...ENCLAVE), id, "/app.wasm"];
        const { status, stderr } = shim.ctr(...words, "exit", "3");
        return [status, stderr];
      }

      it("it is converted once, whatever the container's name and arguments", () => {
        rmSync(cache(), { recursive: true, force: true });
        assert.deepEqual(
          [ran("replica-1"), ran("replica-2")],
          [
            [3, ""],
            [3, ""],
          ],
        );
        assert.equal(readdirSync(cache()).length, 1);
        assert.equal(statSync(cache()).mode & 0o777, 0o700);
      });

      it("another content is another enclave, whatever it is called", () => {
        const edit = (image: string): void => writeFileSync(join(image, "data"), "x");
        assert.deepEqual(ran("other", edit), [3, ""]);
        assert.equal(readdirSync(cache()).length, 2);
      });

      it("what is damaged in the cache is made anew", () => {
        for (const damage of [
          (file: string) => truncateSync(file, 4096),
          (file: string) => writeFileSync(file, Buffer.alloc(statSync(file).size)),
          (file: string) => writeFileSync(join(file, "..", "sigstruct.bin"), "x"),
          (file: string) => writeFileSync(join(file, "..", "enclave.json"), "{}"),
          // Another enclave of this node, whole and signed: right for attesterd, but not of this image.
          (file: string, all: readonly string[]) => {
            const from = all.map((key) => join(cache(), key)).find((folder) => folder !== join(file, ".."));
            cpSync(from ?? assert.fail("there is one enclave only"), join(file, ".."), { recursive: true });
          },
        ]) {
          const keys = readdirSync(cache());
          for (const key of keys) damage(join(cache(), key, "app.img"), keys);
          assert.deepEqual(ran("damaged"), [3, ""], String(damage));
        }
      });

      it("is signed with the operator's key where the configuration names one", () => {
        const pem = shim.bed.path("signing-key.pem");
        const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 3072, publicExponent: 3 });
        writeFileSync(pem, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o644 });
        const file = shim.bed.path("config.toml");
        const before = readFileSync(file, "utf8");
        writeFileSync(file, `${before}signing_key = "${pem}"\n`);
        const [status, stderr] = ran("signed-badly");
        assert.equal(status, 1);
        assert.match(stderr, /signing_key \S+ has mode 644.*\(ERR_SIGNING_KEY\)/u);
        chmodSync(pem, 0o600);
        const known = readdirSync(cache());
        assert.deepEqual(ran("signed"), [3, ""]);
        const [key = ""] = readdirSync(cache()).filter((name) => !known.includes(name));
        const { modulus } = decodeSigstruct(readFileSync(join(cache(), key, "sigstruct.bin")));
        const { n = "" } = privateKey.export({ format: "jwk" });
        assert.equal(Buffer.from(modulus.toReversed()).toString("hex"), Buffer.from(n, "base64url").toString("hex"));
        writeFileSync(file, before);
      });
    });

    it("leave a pod's sandbox plain, which has the pod's annotations too", () => {
      const sandbox = ["--annotation", "io.kubernetes.cri.container-type=sandbox"];
      const { status, stdout, stderr } = shim.sh("pause", "echo plain", ...ENCLAVE, ...sandbox);
      assert.deepEqual([status, stdout], [0, "plain\n"], stderr);
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
