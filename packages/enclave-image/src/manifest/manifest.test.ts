import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { MANIFEST } from "../../test/fixtures.ts";
import { encodeManifest, parseManifest } from "../index.ts";

const parse = (value: unknown) => parseManifest(Buffer.from(JSON.stringify(value)), "test");

describe("parseManifest", () => {
  it("gives back what encodeManifest wrote", () => {
    assert.deepEqual(parseManifest(encodeManifest(MANIFEST), "test"), MANIFEST);
  });

  it("has one encoding, whatever the order of the members", () => {
    const reversed = Object.fromEntries(Object.entries(MANIFEST).toReversed());
    assert.deepEqual(encodeManifest(parse(reversed)), encodeManifest(MANIFEST));
    assert.equal(Buffer.from(encodeManifest(MANIFEST)).at(-1), 0x0a);
  });

  const refused: Record<string, [member: string, change: object]> = {
    "another version": ["version", { version: 2 }],
    "an unknown runtime": ["runtime", { runtime: "linux" }],
    "an unknown member": ["extra", { extra: 1 }],
    "a member that is missing": ["threads", { threads: undefined }],
    "a workload with a slash": ["workload", { workload: "a/b" }],
    "no program": ["entrypoint", { entrypoint: [] }],
    "a program by a relative name": ["entrypoint", { entrypoint: ["app.wasm"] }],
    "a program outside of the image": ["entrypoint", { entrypoint: ["/../app.wasm"] }],
    "arguments that are neither": ["args", { args: {} }],
    "arguments that are both": ["args", { args: { fixed: [], fromOutside: true } }],
    "a cwd that climbs": ["cwd", { cwd: "/a/.." }],
    "a negative uid": ["user.uid", { user: { uid: -1, gid: 0 } }],
    "a fraction": ["threads", { threads: 1.5 }],
    "a huge integer": ["memoryBytes", { memoryBytes: 2 ** 60 }],
    "memory that is no whole page": ["memoryBytes", { memoryBytes: 65_537 }],
    "a variable with =": ["env.fixed.A=B", { env: { fixed: { "A=B": "" }, fromOutside: [] } }],
    "a variable with NUL": ["env.fixed.A", { env: { fixed: { A: "\0" }, fromOutside: [] } }],
    "a lone surrogate": ["owner", { owner: "\ud800" }],
    "a variable both fixed and from outside": ["", { env: { fixed: { A: "" }, fromOutside: ["A"] } }],
    "a mount over the root": ["mounts.memory.0", { mounts: { memory: ["/"], fromOutside: [] } }],
    "mounts from outside": ["", { mounts: { memory: [], fromOutside: ["/data"] } }],
    "files of the host": ["", { hostFiles: ["/etc/hosts"] }],
    "a secret twice": ["secrets", { secrets: [1, 2].map((n) => ({ name: "a", path: `/${n}` })) }],
    "two secrets at one path": ["secrets", { secrets: ["a", "b"].map((name) => ({ name, path: "/s" })) }],
    "secrets that nobody may bring": ["", { verifiers: [] }],
    "a verifier in capitals": ["verifiers.0", { verifiers: ["AB".repeat(32)] }],
    "an unknown signal": ["signals.0", { signals: ["NONSENSE"] }],
    "a signal twice": ["signals", { signals: ["TERM", "TERM"] }],
    "a product id of 17 bits": ["product.id", { product: { id: 65_536, svn: 0 } }],
    "resource limits": ["rlimits", { rlimits: [{ type: "RLIMIT_CPU", soft: 1, hard: 1 }] }],
  };
  for (const [what, [member, change]] of Object.entries(refused)) {
    it(`refuses ${what} with ERR_MANIFEST and names the member`, () => {
      assert.throws(() => parse({ ...MANIFEST, ...change }), {
        code: "ERR_MANIFEST",
        details: { member: member === "rlimits" ? "rlimits.0" : member },
      });
    });
  }

  it("refuses a name that comes twice, a prototype's name, bytes that are no UTF-8, and no JSON", () => {
    const text = JSON.stringify(MANIFEST);
    const inputs = [
      text.replace('"version":1', '"version":1,"version":1'),
      text.replace('"TABLE":', '"__proto__":"x","TABLE":'),
      text.replace('"fixed":{', '"fixed":{"constructor":"x",'),
      Buffer.concat([Buffer.from(text), Buffer.of(0xff)]),
      "[]",
      "null",
      "",
      "x".repeat((1 << 20) + 1),
    ];
    for (const input of inputs) {
      assert.throws(() => parseManifest(Buffer.from(input), "test"), { code: "ERR_MANIFEST" });
    }
  });

  it("takes real-time signals and names with SIG", () => {
    const signals = ["RTMIN", "RTMIN+3", "RTMAX-1", "SIGUSR1"];
    assert.deepEqual(parse({ ...MANIFEST, signals }).signals, signals);
  });
});
