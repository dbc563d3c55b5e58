import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ImageConfig, TarInput } from "@inclavare/oci";
import { decodeAppImage, parseManifest, resolveProcess, writeTeeImage } from "../src/index.ts";
import { EMPTY_COMMAND } from "./fixtures.ts";
import { APPLICATION, convert, CREATED, tarFile, tarLink, writeOrdinary } from "./images.ts";
import { join } from "node:path";
import { scratchDirectory } from "./payload.ts";

describe("convertImage", () => {
  it("fixes everything that the image says, and lets nothing in from outside", async (t) => {
    const config: ImageConfig = {
      Entrypoint: ["/app/main.wasm", "--first"],
      Cmd: ["--second"],
      Env: ["TABLE=/data", "TABLE=/secrets/table.csv", "ENCLAVE_TYPE=simulated", "NONSENSE"],
      WorkingDir: "/app/",
      User: "app",
      StopSignal: "SIGRTMIN+3",
    };
    const { manifest, created, skipped } = await convert(await writeOrdinary(t, config));
    assert.deepEqual(manifest.entrypoint, ["/app/main.wasm", "--first"]);
    assert.deepEqual(manifest.args, { fixed: ["--second"] });
    assert.deepEqual(manifest.env, { fixed: { TABLE: "/secrets/table.csv" }, fromOutside: [] });
    assert.deepEqual([manifest.cwd, manifest.user], ["/app", { uid: 1000, gid: 1001 }]);
    assert.equal(manifest.signals.at(-1), "RTMIN+3");
    assert.deepEqual([manifest.exec, manifest.stdin, manifest.hooks, manifest.debug], [false, false, false, false]);
    assert.deepEqual([manifest.workload, manifest.owner, created, skipped], ["main", "", CREATED, []]);
  });

  it("gives an image configuration whose process fits the manifest", async (t) => {
    const path = await writeOrdinary(t, { Cmd: ["main.wasm", "x"], Env: ["PATH=/bin:/app", "LANG=C"], User: "7" });
    const { manifest, config } = await convert(path, { envFromOutside: ["LANG"] });
    assert.equal(config.User, "7:0");
    const outside = { args: [...(config.Entrypoint ?? []), ...(config.Cmd ?? [])], env: config.Env ?? [], cwd: "/" };
    const resolved = resolveProcess(manifest, outside);
    assert.deepEqual(resolved.args, ["/app/main.wasm", "x"]);
    assert.deepEqual(resolved.env, ["LANG=C", "PATH=/bin:/app"]);
  });

  it("takes every file of the image along, and says what it cannot", async (t) => {
    const device: TarInput = {
      ...tarFile("/dev/null", ""),
      type: "character-device",
      device: { major: 1, minor: 3 },
    };
    const path = await writeOrdinary(t, undefined, [...APPLICATION, tarLink("/latest", "app"), device]);
    const { appImage, skipped } = await convert(path);
    const { entries } = decodeAppImage(appImage);
    assert.deepEqual([...entries.keys()], ["/", "/app", "/app/main.wasm", "/dev", "/etc", "/etc/passwd", "/latest"]);
    assert.deepEqual(skipped, ["/dev/null"]);
  });

  it("finds the program along PATH, relative to the directory, and through links inside the image", async (t) => {
    const links = [
      tarLink("/bin", "usr/bin"),
      tarLink("/usr/bin/run", "../../app/main.wasm"),
      tarLink("/absolute", "/bin/run"),
    ];
    const named: readonly (readonly [name: string, cwd: string, program: string])[] = [
      ["/bin/run", "/", "/bin/run"],
      ["run", "/", "/usr/bin/run"],
      ["main.wasm", "/app", "/app/main.wasm"],
      ["./app/main.wasm", "/", "/app/main.wasm"],
      ["/absolute", "/", "/absolute"],
      ["/bin/../../app/main.wasm", "/", "/app/main.wasm"],
    ];
    for (const [name, WorkingDir, program] of named) {
      const path = await writeOrdinary(t, { Entrypoint: [name], WorkingDir }, [...APPLICATION, ...links]);
      assert.equal((await convert(path)).manifest.entrypoint[0], program, name);
    }
  });

  it("applies patches in order; args is replaced as a whole, null removes", async (t) => {
    const path = await writeOrdinary(t, { Entrypoint: ["/app/main.wasm"], Env: ["A=1", "B=2"] });
    const { manifest } = await convert(path, {
      patches: [
        { owner: "a", env: { fixed: { A: null, C: "3" } }, args: { fromOutside: true } },
        { owner: "b", product: { svn: 7 } },
      ],
    });
    assert.deepEqual(manifest.env.fixed, { B: "2", C: "3" });
    assert.deepEqual([manifest.owner, manifest.product], ["b", { id: 0, svn: 7 }]);
    assert.deepEqual(manifest.args, { fromOutside: true });
  });

  it("gives the same bytes for the same image, every time and in every folder", async (t) => {
    const digests = await Promise.all(
      [1, 2].map(async () => {
        const image = await convert(await writeOrdinary(t));
        assert.deepEqual(parseManifest(image.manifestBytes, "test"), image.manifest);
        return (await writeTeeImage(join(scratchDirectory(t), "tee"), image)).manifestDigest;
      }),
    );
    assert.equal(digests[0], digests[1]);
  });

  const entry = { Entrypoint: ["/app/main.wasm"] };
  const program = (content: Uint8Array | string): TarInput[] => [tarFile("/app/main.wasm", content)];
  const refused: Record<string, [code: string, config: ImageConfig, entries: readonly TarInput[]]> = {
    "no program at all": ["ERR_IMAGE_ENTRYPOINT", {}, APPLICATION],
    "a program that is not there": ["ERR_IMAGE_ENTRYPOINT", { Cmd: ["/none"] }, APPLICATION],
    "a program that is a directory": ["ERR_IMAGE_ENTRYPOINT", { Cmd: ["/app"] }, APPLICATION],
    "a link in a circle": ["ERR_IMAGE_ENTRYPOINT", { Cmd: ["/a"] }, [tarLink("/a", "b"), tarLink("/b", "a")]],
    "a dangling link": ["ERR_IMAGE_ENTRYPOINT", { Cmd: ["/a"] }, [tarLink("/a", "b")]],
    "a name that leaves the image": ["ERR_IMAGE_ESCAPE", { Cmd: ["/../app/main.wasm"] }, APPLICATION],
    "a relative name that leaves it": ["ERR_IMAGE_ESCAPE", { Cmd: ["../../x"], WorkingDir: "/app" }, APPLICATION],
    "a link that leaves it": ["ERR_IMAGE_ESCAPE", { Cmd: ["/a"] }, [tarLink("/a", "../../etc/shadow")]],
    "an ELF program": ["ERR_IMAGE_NOT_WASM", entry, program("\u007fELF\u0002\u0001\u0001")],
    "a TEE image": ["ERR_IMAGE_IS_TEE", entry, [...APPLICATION, tarFile("/.enclave/enclave.json", "{}")]],
    "an unknown user": ["ERR_OCI_USER", { ...entry, User: "nobody" }, APPLICATION],
  };
  for (const [what, [code, config, entries]] of Object.entries(refused)) {
    it(`refuses ${what} with ${code}`, async (t) => {
      await assert.rejects(convert(await writeOrdinary(t, config, entries)), { code });
    });
  }

  it("refuses a patched manifest that breaks a rule, or names a program that is not there", async (t) => {
    const path = await writeOrdinary(t);
    await assert.rejects(convert(path, { patches: [{ threads: 0 }] }), { code: "ERR_MANIFEST" });
    await assert.rejects(convert(path, { patches: [{ entrypoint: ["/x"] }] }), { code: "ERR_IMAGE_ENTRYPOINT" });
  });

  it("says what it found instead of a command", async (t) => {
    const name = (text: string): Buffer => Buffer.concat([Buffer.of(text.length), Buffer.from(text)]);
    const exporting = (text: string): Buffer => {
      const section = Buffer.concat([Buffer.of(1), name(text), Buffer.of(0, 0)]);
      return Buffer.concat([EMPTY_COMMAND.subarray(0, 8), Buffer.of(7, section.length), section]);
    };
    const found: readonly (readonly [content: Uint8Array | string, said: RegExp])[] = [
      ["", /an empty file/u],
      ["#!/bin/sh\n", /a script/u],
      ["(module)", /WebAssembly text/u],
      ["MZ", /Windows/u],
      [Buffer.from("0061736d0d000100", "hex"), /component/u],
      [Buffer.from("0061736d02000000", "hex"), /version 2/u],
      [Buffer.from("0061736d01", "hex"), /ends within/u],
      [exporting("_initialize"), /reactor/u],
      [exporting("main"), /library/u],
      [exporting("_start").subarray(0, -1), /damaged/u],
      [Buffer.from("0061736d0100000007ffffffffff", "hex"), /damaged/u],
      ["hello", /68656c6c6f/u],
    ];
    for (const [content, said] of found) {
      const path = await writeOrdinary(t, entry, program(content));
      await assert.rejects(convert(path), (error: Error & { code: string }) => {
        assert.equal(error.code, "ERR_IMAGE_NOT_WASM");
        assert.match(error.message, said);
        return true;
      });
    }
    await convert(await writeOrdinary(t, entry, program(exporting("_start"))));
  });
});
