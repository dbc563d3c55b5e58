/** AMD's service over real HTTP: the documented answers, refusals for want of patience, and wrong ones. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import { CollateralCache, type CollateralEvent, createKdsSource, resolveCollateral } from "../src/collateral/index.ts";
import { type Allowance, type Verdict, verifyEvidence } from "../src/index.ts";
import { kdsAnswers, serve } from "./service-double.ts";
import { createSnpWorld, SNP_NOW, type SnpWorld, type SnpWorldOptions } from "./snp-world.ts";

function cacheOf(world: SnpWorld, url: string, onEvent?: (event: CollateralEvent) => void): CollateralCache {
  const sources = [createKdsSource({ url })];
  const options = { sources, trustAnchors: world.trustAnchors, now: () => SNP_NOW, timeoutMs: 5_000 };
  return new CollateralCache(onEvent === undefined ? options : { ...options, onEvent });
}

async function verifyWith(
  { report, trustAnchors }: SnpWorld,
  cache: CollateralCache,
  { endorsements = [], allow = [] }: { endorsements?: readonly string[]; allow?: readonly Allowance[] } = {},
): Promise<Verdict> {
  const resolved = await resolveCollateral(report, { cache, endorsements });
  return verifyEvidence({ bytes: report, ...resolved, trustAnchors, now: SNP_NOW, allow, evidenceOnly: true });
}

function failedCodes({ checks }: Verdict): (string | undefined)[] {
  return checks.filter(({ result }) => result === "failed").map(({ code }) => code);
}

const HWID = "77".repeat(64);

describe("reports verified with what a service of AMD's kind gives", () => {
  for (const [product, options, path] of [
    ["Milan", {}, `/vcek/v1/Milan/${HWID}?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219`],
    ["Genoa", { product: "Genoa" }, `/vcek/v1/Genoa/${HWID}?blSPL=04&teeSPL=00&snpSPL=24&ucodeSPL=219`],
    [
      "Turin",
      { product: "Turin", keyTcb: [1, 2, 3, 4, 0, 0, 0, 100] },
      "/vcek/v1/Turin/7777777777777777?fmcSPL=01&blSPL=02&teeSPL=03&snpSPL=04&ucodeSPL=100",
    ],
  ] as const satisfies readonly (readonly [string, SnpWorldOptions, string])[]) {
    it(`${product}: chain, VCEK by chip and REPORTED_TCB, revocation list`, async () => {
      const world = createSnpWorld({ ...options, revokes: [] });
      await using service = await serve(kdsAnswers(world.endorsements, product));
      const verdict = await verifyWith(world, cacheOf(world, service.url));
      assert.deepEqual([verdict.verdict, failedCodes(verdict)], ["verified", []]);
      assert.deepEqual(service.requests, [`/vcek/v1/${product}/cert_chain`, path, `/vcek/v1/${product}/crl`]);
      assert.ok(verdict.checks.some(({ check, result }) => check === "vek-crl" && result === "ok"));
    });
  }

  it("a report of version 2 names no processor: the products that made such reports are asked for in turn", async () => {
    const options = { product: "Genoa", revokes: [], report: toVersion2 } as const;
    const world = createSnpWorld(options);
    await using service = await serve(kdsAnswers(world.endorsements, "Genoa"));
    assert.equal((await verifyWith(world, cacheOf(world, service.url))).verdict, "verified");
    assert.deepEqual(service.requests[0], "/vcek/v1/Milan/cert_chain");
  });

  it("a key and a chain that came with the evidence are not asked for again", async () => {
    const world = createSnpWorld({ revokes: [] });
    await using service = await serve(kdsAnswers(world.endorsements, "Milan"));
    const endorsements = world.endorsements.slice(0, 2);
    const verdict = await verifyWith(world, cacheOf(world, service.url), { endorsements });
    assert.equal(verdict.verdict, "verified");
    assert.deepEqual(service.requests, ["/vcek/v1/Milan/crl"]);
  });

  it("a VLEK must come with the evidence; its chain and list are AMD's to give", async () => {
    const world = createSnpWorld({ kind: "VLEK", revokes: [] });
    const [vlek = "", chain = "", crl = ""] = world.endorsements;
    const answers = kdsAnswers(["", chain, crl], "Milan");
    await using service = await serve((url, request) => {
      return answers(new URL(url.href.replace("/vlek/", "/vcek/")), request);
    });
    const verdict = await verifyWith(world, cacheOf(world, service.url), { endorsements: [vlek] });
    assert.deepEqual([verdict.verdict, failedCodes(verdict)], ["verified", []]);
    assert.deepEqual(service.requests, ["/vlek/v1/Milan/cert_chain", "/vlek/v1/Milan/crl"]);
    const without = await verifyWith(world, cacheOf(world, service.url));
    assert.deepEqual(failedCodes(without), ["ERR_COLLATERAL_MISSING"]);
  });

  it("a masked chip id: nobody can be asked for its key", async () => {
    const world = createSnpWorld({ revokes: [], report: (report) => report.fill(0, 0x1a0, 0x1e0) });
    await using service = await serve(kdsAnswers(world.endorsements, "Milan"));
    await verifyWith(world, cacheOf(world, service.url));
    assert.deepEqual(service.requests, ["/vcek/v1/Milan/crl"]);
  });
});

describe("answers that are wrong", () => {
  it("429 with a time to wait: waited for, and the key arrives", async () => {
    const world = createSnpWorld({ revokes: [] });
    const good = kdsAnswers(world.endorsements, "Milan");
    let refusals = 2;
    await using service = await serve((url, request) => {
      if (!url.search.includes("blSPL") || refusals === 0) return good(url, request);
      refusals -= 1;
      return { status: 429, headers: { "retry-after": "0" } };
    });
    assert.equal((await verifyWith(world, cacheOf(world, service.url))).verdict, "verified");
    assert.equal(service.requests.filter((path) => path.includes("blSPL")).length, 3);
  });

  it("429 for longer than anybody waits: said so, and not asked again at once", async () => {
    const world = createSnpWorld({ revokes: [] });
    const good = kdsAnswers(world.endorsements, "Milan");
    await using service = await serve((url, request) =>
      url.search.includes("blSPL") ? { status: 429, headers: { "retry-after": "300" } } : good(url, request),
    );
    const cache = cacheOf(world, service.url);
    for (let time = 0; time < 2; time += 1) {
      const codes = failedCodes(await verifyWith(world, cache));
      assert.deepEqual(codes, ["ERR_COLLATERAL_RATE_LIMIT", "ERR_COLLATERAL_MISSING"]);
    }
    assert.equal(service.requests.filter((path) => path.includes("blSPL")).length, 1);
  });

  const milan = createSnpWorld({ revokes: [] });
  const [vcek = "", chain = "", crl = ""] = milan.endorsements;
  for (const [name, wrong] of Object.entries({
    "the key of another chip": [createSnpWorld({ hwid: Buffer.alloc(64, 0x78) }).endorsements[0] ?? "", chain, crl],
    "the key of another TCB": [
      createSnpWorld({ keyTcb: [5, 0, 0, 0, 0, 0, 24, 219] }).endorsements[0] ?? "",
      chain,
      crl,
    ],
    "the chain of another product": [vcek, createSnpWorld({ product: "Genoa" }).endorsements[1] ?? "", crl],
    "a chain without the root": [vcek, chain.slice(0, chain.indexOf("-----END CERTIFICATE-----") + 26), crl],
    "a list of another root": [
      vcek,
      chain,
      createSnpWorld({ revokes: [], crlIssuer: "ARK-Genoa" }).endorsements[2] ?? "",
    ],
  })) {
    it(name, async () => {
      const events: CollateralEvent[] = [];
      await using service = await serve(kdsAnswers(wrong, "Milan"));
      const cache = cacheOf(milan, service.url, (event) => events.push(event));
      const verdict = await verifyWith(milan, cache);
      assert.equal(verdict.verdict, "refused");
      assert.ok(failedCodes(verdict).includes("ERR_COLLATERAL_REJECTED"));
      assert.ok(events.some((event) => event.event === "failure" && event.code === "ERR_COLLATERAL_REJECTED"));
    });
  }

  it("an address that is none", () => {
    assert.throws(
      () => createKdsSource({ url: "kdsintf.amd.com" }),
      (error) => isInclavareError(error, "ERR_USAGE"),
    );
  });
});

function toVersion2(report: Buffer): void {
  report.writeUInt32LE(2, 0);
  report.fill(0, 0x188, 0x1a0);
}
