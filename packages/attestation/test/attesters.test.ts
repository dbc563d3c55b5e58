/** Gramine's files, and attesters by name. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { PassThrough } from "node:stream";
import { type ErrorCode, isInclavareError } from "@inclavare/errors";
import { type AttesterPlugin, AttesterRegistry, builtinAttesters, openGramineQuoter } from "../src/attesters/index.ts";
import { createWorld } from "./world.ts";

const scratch = mkdtempSync(join(tmpdir(), "attesters-"));
after(() => rmSync(scratch, { recursive: true, force: true }));
const REPORT_DATA = Buffer.alloc(64, 0xdd);

function gramine(name: string, type: string, quote: Uint8Array): string {
  const directory = join(scratch, name);
  mkdirSync(directory);
  writeFileSync(join(directory, "attestation_type"), type);
  writeFileSync(join(directory, "user_report_data"), Buffer.alloc(64));
  writeFileSync(join(directory, "quote"), quote);
  return directory;
}

async function codeOf(directory: string): Promise<ErrorCode | "none"> {
  try {
    await (await openGramineQuoter({ directory })).evidence(REPORT_DATA);
    return "none";
  } catch (error) {
    if (isInclavareError(error)) return error.code;
    throw error;
  }
}

describe("Gramine", () => {
  const good = createWorld({ report: { reportData: REPORT_DATA } }).quote;

  it("report data in, quote out", async () => {
    const directory = gramine("good", "dcap\0", good);
    const quoter = await openGramineQuoter({ directory });
    const evidence = await quoter.evidence(REPORT_DATA);
    assert.deepEqual([quoter.tee, evidence.format], ["sgx", "sgx-quote"]);
    assert.deepEqual(Buffer.from(evidence.quote), Buffer.from(good));
    assert.deepEqual(readFileSync(join(directory, "user_report_data")), REPORT_DATA);
  });

  it("a quote over other report data, of another TEE, or none", async () => {
    assert.equal(await codeOf(gramine("other", "dcap", createWorld().quote)), "ERR_EVIDENCE_UNBOUND");
    assert.equal(await codeOf(gramine("tdx", "dcap", createWorld({ td: {} }).quote)), "ERR_LIBOS_ATTESTATION");
    assert.equal(await codeOf(gramine("garbage", "dcap", Buffer.alloc(10))), "ERR_LIBOS_ATTESTATION");
    const unreadable = gramine("unreadable", "dcap", good);
    rmSync(join(unreadable, "quote"));
    assert.equal(await codeOf(unreadable), "ERR_LIBOS_ATTESTATION");
  });

  it("a manifest without DCAP, and no Gramine at all", async () => {
    assert.equal(await codeOf(gramine("none", "none", good)), "ERR_LIBOS_ATTESTATION");
    assert.equal(await codeOf(gramine("epid", "epid", good)), "ERR_LIBOS_ATTESTATION");
    assert.equal(await codeOf(join(scratch, "absent")), "ERR_LIBOS_ATTESTATION");
  });
});

describe("attesters by name", () => {
  interface FixedOptions {
    readonly quote: Uint8Array;
  }
  const fixed: AttesterPlugin<"fixed", FixedOptions> = {
    name: "fixed",
    summary: "always the same",
    probe: async () => await Promise.resolve(undefined),
    open: async ({ quote }) =>
      await Promise.resolve({
        tee: "sgx" as const,
        evidence: async () => await Promise.resolve({ format: "sgx-quote" as const, quote }),
      }),
  };

  it("ours, and somebody else's beside them, each with options of its own type", async () => {
    assert.deepEqual(builtinAttesters.names, ["aesm", "tsm", "gramine", "simulated"]);
    const all = builtinAttesters.with(fixed);
    assert.deepEqual(all.names.at(-1), "fixed");
    assert.deepEqual(builtinAttesters.names.length, 4);
    const quoter = await all.open("fixed", { quote: Buffer.of(1) });
    assert.deepEqual((await quoter.evidence(REPORT_DATA)).quote, Buffer.of(1));
    // @ts-expect-error a name that is not registered
    const unknown = builtinAttesters.open("fixed", { quote: Buffer.of(1) });
    await assert.rejects(unknown, (error) => isInclavareError(error, "ERR_ATTESTER_UNKNOWN"));
    // @ts-expect-error options of another plugin
    void AttesterRegistry.empty.with(fixed).open("fixed", { socketPath: "x" });
    assert.throws(
      () => all.with(fixed),
      (error) => isInclavareError(error, "ERR_INTERNAL"),
    );
  });

  it("say why they cannot work here", async () => {
    const absent = join(scratch, "absent");
    assert.match((await builtinAttesters.probe("tsm", { directory: absent })) ?? "", /no TEE guest/u);
    assert.match((await builtinAttesters.probe("gramine", { directory: absent })) ?? "", /not Gramine/u);
    const reporter = {
      reportDataChosenBy: "host",
      report: async () => await Promise.resolve(Buffer.alloc(0)),
    } as const;
    assert.match((await builtinAttesters.probe("aesm", { socketPath: absent, reporter })) ?? "", /aesmd/u);
    const stream = new PassThrough();
    assert.equal(await builtinAttesters.probe("simulated", { stream }), undefined);
    assert.equal((await builtinAttesters.open("simulated", { stream })).tee, "simulated");
    stream.destroy();
    assert.equal(await builtinAttesters.probe("simulated", { stream }), "the connection has ended");
  });
});
