/** Intel's service and its kind, over real HTTP and HTTPS: the documented answers, and every way in which they go wrong. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorCode, isInclavareError } from "@inclavare/errors";
import {
  type ArtefactRequest,
  CollateralCache,
  createPcsSource,
  type PcsOptions,
  resolveCollateral,
} from "../src/collateral/index.ts";
import { verifyEvidence } from "../src/index.ts";
import { type Answer, pcsAnswers, serve } from "./service-double.ts";
import { createWorld, newKey, NOW, signP1363, type World } from "./world.ts";

const TCB_INFO = {
  kind: "tcb-info",
  tee: "sgx",
  fmspc: "00a0b0c0d0e0",
  channel: { update: "standard" },
} as const satisfies ArtefactRequest;
const PCK_CRL = { kind: "pck-crl", ca: "processor" } as const satisfies ArtefactRequest;

function cacheOf(world: Pick<World, "trustAnchors">, options: PcsOptions, timeoutMs: number = 10_000): CollateralCache {
  const sources = [createPcsSource(options)];
  return new CollateralCache({ sources, trustAnchors: world.trustAnchors, now: () => NOW, timeoutMs });
}

async function codeOf(action: Promise<unknown>): Promise<ErrorCode> {
  try {
    await action;
  } catch (error) {
    if (isInclavareError(error)) return error.code;
    throw error;
  }
  throw new assert.AssertionError({ message: "nothing was refused" });
}

function failedCodes(verdict: ReturnType<typeof verifyEvidence>): (string | undefined)[] {
  return verdict.checks.filter(({ result }) => result === "failed").map(({ code }) => code);
}

async function verifyWith(world: World, cache: CollateralCache): Promise<ReturnType<typeof verifyEvidence>> {
  return verifyEvidence({
    bytes: world.quote,
    ...(await resolveCollateral(world.quote, { cache })),
    trustAnchors: world.trustAnchors,
    now: NOW,
    allow: [],
    evidenceOnly: true,
  });
}

describe("quotes verified with what a service of Intel's kind gives", () => {
  for (const [name, options] of Object.entries({
    "SGX, chain in the quote": {},
    "SGX, version 4": { version: 4 },
    "SGX, leaf in the quote": { certificationType: 4 },
    "SGX, PPID encrypted with RSA-3072": { certificationType: 3 },
    TDX: { td: {} },
  } as const)) {
    it(name, async () => {
      const world = createWorld(options);
      await using service = await serve(pcsAnswers(world), { tls: true });
      const verdict = await verifyWith(world, cacheOf(world, { url: service.url, ca: service.ca }));
      assert.deepEqual([verdict.verdict, failedCodes(verdict)], ["verified", []]);
    });
  }

  it("version 3 of the API: its path, its header; nothing for TDX", async () => {
    const world = createWorld();
    await using service = await serve(pcsAnswers(world, { version: 3 }));
    const cache = cacheOf(world, { url: `${service.url}/sgx/certification/v3` });
    assert.equal((await verifyWith(world, cache)).verdict, "verified");
    assert.ok(service.requests.every((path) => path.includes("/certification/v3/")));
    assert.equal(await codeOf(cache.get({ ...TCB_INFO, tee: "tdx" })), "ERR_COLLATERAL_NOT_FOUND");
  });

  it("asks nothing for evidence whose root is not trusted", async () => {
    const world = createWorld();
    await using service = await serve(pcsAnswers(world));
    const cache = cacheOf(createWorld({ rootKey: newKey() }), { url: service.url });
    const { collateral, sourceFailures } = await resolveCollateral(world.quote, { cache });
    assert.deepEqual([collateral, sourceFailures, service.requests], [undefined, [], []]);
  });

  it("a failure of the service stands in the verdict, which is refused for want of collateral", async () => {
    const world = createWorld();
    await using service = await serve(() => ({ status: 500 }));
    const verdict = await verifyWith(world, cacheOf(world, { url: service.url }));
    assert.equal(verdict.verdict, "refused");
    assert.ok(
      failedCodes(verdict).every((code) => code === "ERR_COLLATERAL_FETCH" || code === "ERR_COLLATERAL_MISSING"),
    );
    const check = verdict.checks.find((one) => one.check === "collateral-source");
    assert.match(check?.message ?? "", /\/sgx\/certification\/v4\/.*status 500/u);
  });
});

describe("what is asked", () => {
  it("evaluations: the standard one, the early one, one by its number", async () => {
    const world = createWorld();
    await using service = await serve(pcsAnswers(world));
    const cache = cacheOf(world, { url: service.url });
    await cache.get(TCB_INFO);
    await cache.get({ ...TCB_INFO, channel: { update: "early" } });
    await cache.get({ ...TCB_INFO, channel: { evaluation: 17 } });
    assert.equal(await codeOf(cache.get({ ...TCB_INFO, channel: { evaluation: 16 } })), "ERR_COLLATERAL_REJECTED");
    const base = "/sgx/certification/v4/tcb?fmspc=00a0b0c0d0e0";
    assert.deepEqual(service.requests, [
      base,
      `${base}&update=early`,
      `${base}&tcbEvaluationDataNumber=17`,
      `${base}&tcbEvaluationDataNumber=16`,
    ]);
  });

  it("a PCK certificate by its platform, with the key; nothing else gets the key", async () => {
    const world = createWorld({ certificationType: 3 });
    const keys: (string | string[] | undefined)[] = [];
    const answers = pcsAnswers(world);
    await using service = await serve(
      (url, request) => {
        keys.push(request.headers["ocp-apim-subscription-key"]);
        return answers(url, request);
      },
      { tls: true },
    );
    const cache = cacheOf(world, { url: service.url, ca: service.ca, apiKey: "open sesame" });
    assert.equal((await verifyWith(world, cache)).verdict, "verified");
    const [first = ""] = service.requests;
    const query = new URL(first, "http://localhost").searchParams;
    assert.deepEqual(
      [query.get("encrypted_ppid")?.length, query.get("pceid"), query.get("cpusvn")],
      [768, "0000", "0".repeat(32)],
    );
    assert.equal(query.get("qeid"), "0".repeat(32));
    assert.deepEqual(keys, ["open sesame", undefined, undefined, undefined, undefined]);
  });

  it("the key never crosses a network in clear, and no error shows it", async () => {
    const world = createWorld({ certificationType: 3 });
    await using service = await serve(pcsAnswers(world));
    const cache = cacheOf(world, { url: service.url, apiKey: "open sesame" });
    const { sourceFailures } = await resolveCollateral(world.quote, { cache });
    assert.deepEqual(
      sourceFailures.map(({ code }) => code),
      ["ERR_COLLATERAL_FETCH"],
    );
    assert.deepEqual(service.requests, []);
    assert.ok(!JSON.stringify(sourceFailures.map(({ message, details }) => [message, details])).includes("sesame"));
  });

  it("addresses that are none", () => {
    for (const url of ["localhost:8081", "ftp://localhost", "https://user:pw@localhost", "https://localhost/?a=b"]) {
      assert.throws(
        () => createPcsSource({ url }),
        (error) => isInclavareError(error, "ERR_USAGE"),
      );
    }
    assert.throws(
      () => createPcsSource({ url: "https://localhost/sgx/certification/v5" }),
      (error) => isInclavareError(error, "ERR_USAGE"),
    );
  });
});

describe("answers that are wrong", () => {
  const world = createWorld();
  const good = pcsAnswers(world);
  const tcb = good(new URL("http://x/sgx/certification/v4/tcb?fmspc=00a0b0c0d0e0"), undefined as never) as Answer & {
    readonly body: string;
  };
  const foreign = createWorld({ rootKey: newKey() });
  const forged = createWorld({ documentKey: newKey() });
  const other = createWorld({ tcbInfo: { fmspc: "00a0b0c0d0e1" } });
  const bodyOf = ({ collateral: { tcb_info: text, tcb_info_signature: signature } }: World): string =>
    `{"tcbInfo":${text},"signature":"${signature}"}`;
  const chainHeader = (pem: string): Readonly<Record<string, string>> => ({
    "TCB-Info-Issuer-Chain": encodeURIComponent(pem),
  });

  const cases: readonly (readonly [string, Answer, ErrorCode])[] = [
    ["unknown platform", { status: 404 }, "ERR_COLLATERAL_NOT_FOUND"],
    ["evaluation no longer served", { status: 410 }, "ERR_COLLATERAL_NOT_FOUND"],
    ["wrong key", { status: 401 }, "ERR_COLLATERAL_FETCH"],
    ["fault of the service", { status: 500, body: "oops" }, "ERR_COLLATERAL_FETCH"],
    ["redirect", { status: 302, headers: { location: "/elsewhere" } }, "ERR_COLLATERAL_FETCH"],
    ["no content", { ...tcb, body: "" }, "ERR_COLLATERAL_FETCH"],
    ["broken off", { ...tcb, breakAfter: 100 }, "ERR_COLLATERAL_FETCH"],
    ["compressed", { ...tcb, headers: { ...tcb.headers, "content-encoding": "gzip" } }, "ERR_COLLATERAL_FETCH"],
    ["endless", { ...tcb, body: Buffer.alloc(9 << 20, 32) }, "ERR_COLLATERAL_FETCH"],
    ["garbage", { ...tcb, body: "<html>" }, "ERR_COLLATERAL_REJECTED"],
    ["cut, and whole as HTTP", { ...tcb, body: tcb.body.slice(0, -10) }, "ERR_COLLATERAL_REJECTED"],
    ["a third member", { ...tcb, body: tcb.body.replace("{", '{"a":1,') }, "ERR_COLLATERAL_REJECTED"],
    ["no issuer chain", { body: tcb.body }, "ERR_COLLATERAL_FORMAT"],
    ["an issuer chain that is no PEM", { body: tcb.body, headers: chainHeader("x") }, "ERR_COLLATERAL_FORMAT"],
    ["a percent sign alone", { body: tcb.body, headers: { "TCB-Info-Issuer-Chain": "%" } }, "ERR_COLLATERAL_FORMAT"],
    ["the PCK's chain", { body: tcb.body, headers: chainHeader(world.pckChain) }, "ERR_COLLATERAL_REJECTED"],
    [
      "a chain of another root",
      { body: bodyOf(foreign), headers: chainHeader(foreign.tcbSigningChain) },
      "ERR_COLLATERAL_REJECTED",
    ],
    ["a forged signature", { ...tcb, body: bodyOf(forged) }, "ERR_COLLATERAL_REJECTED"],
    ["a changed byte", { ...tcb, body: tcb.body.replace("UpToDate", "Revoked_") }, "ERR_COLLATERAL_REJECTED"],
    ["another platform's", { ...tcb, body: bodyOf(other) }, "ERR_COLLATERAL_REJECTED"],
  ];
  for (const [name, answer, code] of cases) {
    it(name, async () => {
      await using service = await serve(() => answer);
      assert.equal(await codeOf(cacheOf(world, { url: service.url }).get(TCB_INFO)), code);
      assert.equal(service.requests.length, 1);
    });
  }

  it("silence ends at the deadline", async () => {
    await using service = await serve(() => ({ silent: true }));
    assert.equal(await codeOf(cacheOf(world, { url: service.url }, 100).get(TCB_INFO)), "ERR_COLLATERAL_FETCH");
  });

  it("nobody listens", async () => {
    let url: string;
    {
      await using service = await serve(() => undefined);
      url = service.url;
    }
    assert.equal(await codeOf(cacheOf(world, { url }).get(TCB_INFO)), "ERR_COLLATERAL_FETCH");
  });

  it("a TLS certificate that nobody vouches for", async () => {
    await using service = await serve(good, { tls: true });
    assert.equal(await codeOf(cacheOf(world, { url: service.url }).get(TCB_INFO)), "ERR_COLLATERAL_FETCH");
    assert.deepEqual(service.requests, []);
  });

  it("busy: asked again after the time it says, at most three times, and not beyond the deadline", async () => {
    await using service = await serve(() => ({ status: 429, headers: { "retry-after": "0" } }));
    assert.equal(await codeOf(cacheOf(world, { url: service.url }).get(TCB_INFO)), "ERR_COLLATERAL_RATE_LIMIT");
    assert.equal(service.requests.length, 3);
    service.handler = (url, request) =>
      service.requests.length < 5 ? { status: 503, headers: { "retry-after": "0" } } : good(url, request);
    assert.equal((await cacheOf(world, { url: service.url }).get(TCB_INFO)).evaluationDataNumber, 17);
    const later = new Date(Date.now() + 600_000).toUTCString();
    for (const wait of ["600", later]) {
      service.handler = () => ({ status: 429, headers: { "retry-after": wait } });
      const before: number = service.requests.length;
      assert.equal(await codeOf(cacheOf(world, { url: service.url }).get(TCB_INFO)), "ERR_COLLATERAL_RATE_LIMIT");
      assert.equal(service.requests.length, before + 1);
    }
  });

  it("a PCK list of another CA, and one that another key signed", async () => {
    const { collateral } = createWorld({ names: { ca: "Intel SGX PCK Platform CA" } });
    const answer = (crl: string, chain: string): Answer => ({
      headers: { "SGX-PCK-CRL-Issuer-Chain": encodeURIComponent(chain) },
      body: Buffer.from(crl, "hex"),
    });
    const answers = [
      answer(collateral.pck_crl, collateral.pck_crl_issuer_chain),
      answer(foreign.collateral.root_ca_crl, world.collateral.pck_crl_issuer_chain),
    ];
    for (const wrong of answers) {
      await using service = await serve(() => wrong);
      assert.equal(await codeOf(cacheOf(world, { url: service.url }).get(PCK_CRL)), "ERR_COLLATERAL_REJECTED");
    }
  });
});

describe("evaluation data numbers", () => {
  it("the list, signed by the TCB signing key", async () => {
    const world = createWorld();
    const dates = { issueDate: "2025-06-01T00:00:00Z", nextUpdate: "2025-07-01T00:00:00Z" };
    const entry = { tcbRecoveryEventDate: "2025-01-01T00:00:00Z", tcbDate: "2025-01-01T00:00:00Z" };
    const tcbEvalNumbers = [17, 18].map((tcbEvaluationDataNumber) => ({ tcbEvaluationDataNumber, ...entry }));
    const text = JSON.stringify({ id: "SGX", version: 1, ...dates, tcbEvalNumbers });
    const signature = signP1363(world.keys.tcbSigning, Buffer.from(text)).toString("hex");
    await using service = await serve(() => ({
      headers: { "TCB-Evaluation-Data-Numbers-Issuer-Chain": encodeURIComponent(world.tcbSigningChain) },
      body: `{"tcbEvaluationDataNumbers":${text},"signature":"${signature}"}`,
    }));
    const cache = cacheOf(world, { url: service.url });
    const found = await cache.get({ kind: "tcb-evaluation-numbers", tee: "sgx" });
    assert.equal(found.notAfter.toISOString(), "2025-07-01T00:00:00.000Z");
    assert.deepEqual(service.requests, ["/sgx/certification/v4/tcbevaluationdatanumbers"]);
    assert.equal(await codeOf(cache.get({ kind: "tcb-evaluation-numbers", tee: "tdx" })), "ERR_COLLATERAL_REJECTED");
  });
});
