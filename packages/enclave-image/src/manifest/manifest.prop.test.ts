import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { InclavareError } from "@inclavare/errors";
import { MANIFEST } from "../../test/fixtures.ts";
import { encodeManifest, type EnclaveManifest, parseManifest, resolveProcess } from "../index.ts";

const numRuns = Number(process.env["NUM_RUNS"] ?? 100);
const text = fc
  .string({ unit: "binary", maxLength: 8 })
  .filter((value) => value.isWellFormed() && !value.includes("\0"));
const variable = fc
  .oneof(text, fc.constantFrom("PATH", "1", "10", "9"))
  .filter(
    (value) => value !== "" && !value.includes("=") && !["__proto__", "constructor", "prototype"].includes(value),
  );

const manifest: fc.Arbitrary<EnclaveManifest> = fc
  .record({
    owner: text,
    more: fc.array(text, { maxLength: 3 }),
    args: fc.oneof(fc.record({ fixed: fc.array(text, { maxLength: 3 }) }), fc.constant({ fromOutside: true as const })),
    fixed: fc.dictionary(variable, text, { maxKeys: 4 }),
    outside: fc.uniqueArray(variable, { maxLength: 4 }),
    exec: fc.boolean(),
    threads: fc.integer({ min: 1, max: 1024 }),
    product: fc.record({ id: fc.nat(0xffff), svn: fc.nat(0xffff) }),
  })
  .map(({ owner, more, args, fixed, outside, exec, threads, product }) => ({
    ...MANIFEST,
    owner,
    entrypoint: ["/app/main.wasm", ...more],
    args: { ...args },
    env: { fixed: { ...fixed }, fromOutside: outside.filter((name) => !Object.hasOwn(fixed, name)) },
    exec,
    threads,
    product: { ...product },
  }));

describe("enclave manifest", () => {
  it("survives its encoding, which is the only one", () => {
    fc.assert(
      fc.property(manifest, (value) => {
        const bytes = encodeManifest(value);
        const parsed = parseManifest(bytes, "test");
        assert.deepEqual(parsed, value);
        assert.deepEqual(encodeManifest(parsed), bytes);
      }),
      { numRuns },
    );
  });

  it("is parsed or refused with ERR_MANIFEST, whatever the value", () => {
    const keys = Object.keys(MANIFEST);
    fc.assert(
      fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
        try {
          parseManifest(Buffer.from(JSON.stringify({ ...MANIFEST, [key]: value })), "test");
        } catch (error) {
          assert.ok(error instanceof InclavareError && error.code === "ERR_MANIFEST", String(error));
        }
      }),
      { numRuns: numRuns * 3 },
    );
  });

  it("lets nothing through that it does not name, whatever comes from outside", () => {
    fc.assert(
      fc.property(manifest, fc.array(text, { maxLength: 4 }), fc.array(text, { maxLength: 6 }), (value, args, env) => {
        let resolved: ReturnType<typeof resolveProcess>;
        const [, ...first] = value.entrypoint;
        const asked = [...value.entrypoint, ...("fixed" in value.args ? value.args.fixed : args)];
        try {
          resolved = resolveProcess(value, { args: asked, env, cwd: "/" });
        } catch (error) {
          assert.ok(error instanceof InclavareError && error.code === "ERR_MANIFEST_FORBIDS", String(error));
          return;
        }
        assert.deepEqual(resolved.args.slice(0, first.length + 1), value.entrypoint);
        for (const entry of resolved.env) {
          const name = entry.slice(0, entry.indexOf("=", 1));
          const fixed = Object.hasOwn(value.env.fixed, name) ? value.env.fixed[name] : undefined;
          assert.ok(fixed === entry.slice(name.length + 1) || value.env.fromOutside.includes(name), entry);
        }
      }),
      { numRuns },
    );
  });
});
