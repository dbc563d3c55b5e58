/** Containers in guests that are TEEs as a whole: whose word about them counts, and what is compared with what. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isInclavareError } from "@inclavare/errors";
import { encodeCbor } from "../src/cbor.ts";
import { type ContainerIdentity, decodeContainerClaim, encodeContainerClaim } from "../src/container-claim.ts";
import {
  type Allowance,
  type Claims,
  encodeClaims,
  encodeEvidenceMessage,
  type Evidence,
  parsePolicy,
  policyFromEvidence,
  reportDataFor,
  type TrustAnchor,
  trustAnchorsFromPem,
  trustStatusOf,
  trustVectorOf,
  type Verdict,
  verifyEvidence,
} from "../src/index.ts";
import { createSnpWorld } from "./snp-world.ts";
import { ccaToken, ecKey, publicPem } from "./token-world.ts";
import { createWorld, NOW } from "./world.ts";

const CONTAINER: ContainerIdentity = {
  mrEnclave: "c1".repeat(32),
  mrSigner: "c2".repeat(32),
  isvProdId: 3,
  isvSvn: 7,
  debug: false,
};
const WANTED = { mrEnclave: CONTAINER.mrEnclave, mrSigner: CONTAINER.mrSigner, isvProdId: 3, minIsvSvn: 7 };
const NONCE = Buffer.alloc(32, 9);
const WORDS = ["simulated", "no-revocation"] as const;

interface Guest {
  readonly evidence: Evidence;
  readonly endorsements?: readonly string[];
  readonly trustAnchors: readonly TrustAnchor[];
}

const platformKey = ecKey();
const GUESTS: Readonly<Record<string, { make: (reportData: Uint8Array) => Guest; image: Record<string, string> }>> = {
  TDX: {
    make(reportData) {
      const { quote, collateral, trustAnchors } = createWorld({ td: { reportData } });
      return { evidence: { format: "tdx-quote", quote, collateral }, trustAnchors };
    },
    image: { mrTd: "01".repeat(48), rtmr0: "05".repeat(48), rtmr1: "06".repeat(48), rtmr2: "07".repeat(48) },
  },
  "SEV-SNP": {
    make(reportData) {
      const world = createSnpWorld({ report: (report) => void Buffer.from(reportData).copy(report, 0x50) });
      return { ...world, evidence: { format: "snp-report", quote: world.report } };
    },
    image: { measurement: "aa".repeat(48) },
  },
  CCA: {
    make(reportData) {
      const { token } = ccaToken({ platformKey, realm: { 10: reportData } });
      return {
        evidence: { format: "cca-token", quote: token },
        trustAnchors: trustAnchorsFromPem(publicPem(platformKey)),
      };
    },
    image: { rim: "" },
  },
};

interface Case {
  readonly container?: ContainerIdentity;
  readonly claims?: Partial<Claims>;
  readonly policy?: Record<string, unknown>;
  readonly allow?: readonly Allowance[];
}

function verify(name: string, { container = CONTAINER, claims: more = {}, policy, allow = [] }: Case = {}): Verdict {
  const { make, image } = GUESTS[name] ?? assert.fail();
  const claims = encodeClaims({
    pubkeyHash: { algorithm: "sha-256", value: Buffer.alloc(32, 1) },
    nonce: NONCE,
    container: encodeContainerClaim(container),
    ...more,
  });
  const { evidence, endorsements = [], trustAnchors } = make(reportDataFor(claims));
  const wanted = { referenceValues: [WANTED], guestImages: [image], ...policy };
  return verifyEvidence({
    bytes: encodeEvidenceMessage({ evidence, claims }),
    endorsements,
    trustAnchors,
    now: NOW,
    nonce: NONCE,
    policy: parsePolicy(JSON.stringify(wanted), "policy"),
    allow: [...WORDS, ...allow],
    evidenceOnly: false,
  });
}

function failedCodes({ checks }: Verdict): (string | undefined)[] {
  return checks.filter(({ result }) => result === "failed").map(({ code }) => code);
}

/** CCA's initial measurement is the world's; it is read from a verdict over the guest itself. */
const rim = ((): string => {
  const { make } = GUESTS["CCA"] ?? assert.fail();
  const { evidence, trustAnchors } = make(new Uint8Array(64));
  const bytes = encodeEvidenceMessage({ evidence });
  const { measurement } = verifyEvidence({ bytes, trustAnchors, now: NOW, allow: [], evidenceOnly: true });
  return measurement?.tee === "cca" ? measurement.rim : assert.fail();
})();
Object.assign(GUESTS["CCA"]?.image ?? {}, { rim });

for (const name of Object.keys(GUESTS)) {
  describe(`a container in a guest of ${name}`, () => {
    it("is accepted where the guest is the image that was referred to, and the container the one that is wanted", () => {
      const verdict = verify(name);
      assert.deepEqual([verdict.verdict, failedCodes(verdict)], ["accepted", []]);
      const names = verdict.checks.map(({ check }) => check);
      for (const check of ["guest-image", "container-claim", "container-debug", "measurement"]) {
        assert.ok(names.includes(check), check);
      }
    });

    it("gives a policy that names the guest as its image, and the container as what is wanted", () => {
      const verdict = verify(name);
      const { measurement } = verdict;
      assert.ok(measurement !== null);
      const made = policyFromEvidence(
        { ...verdict, measurement },
        { source: "the test", allow: [], pinPlatform: false },
      );
      assert.deepEqual(made.referenceValues, [{ ...WANTED, source: "the test" }]);
      const { referenceValues, guestImages } = made;
      assert.equal(verify(name, { policy: { referenceValues, guestImages } }).verdict, "accepted");
      const other = { ...CONTAINER, mrEnclave: "c3".repeat(32) };
      const refused = verify(name, { policy: { referenceValues, guestImages }, container: other });
      assert.deepEqual(failedCodes(refused), ["ERR_POLICY_MEASUREMENT"]);
    });

    it("is contraindicated in tokens where it is in debug mode, whatever was allowed and looked at", () => {
      const { verdict, ...rest } = verify(name, { container: { ...CONTAINER, debug: true }, allow: ["debug"] });
      assert.equal(verdict, "accepted");
      for (const one of [{ verdict, ...rest }, { verdict: "verified", ...rest, checks: [] } as const]) {
        const { "runtime-opaque": runtime, configuration } = trustVectorOf(one);
        assert.deepEqual([runtime, configuration], [96, 96]);
        assert.equal(trustStatusOf(one, trustVectorOf(one)), "contraindicated");
      }
    });

    it("is refused as container-self-asserted where the policy has no guest image, or another", () => {
      const image = Object.fromEntries(
        Object.entries(GUESTS[name]?.image ?? {}).map(([member, value]) => [member, `ff${value.slice(2)}`]),
      );
      for (const guestImages of [[], [image]]) {
        const verdict = verify(name, { policy: { guestImages } });
        assert.deepEqual(failedCodes(verdict), ["ERR_POLICY_CONTAINER_SELF_ASSERTED"]);
        assert.match(
          verdict.checks.find(({ check }) => check === "guest-image")?.message ?? "",
          /^container-self-asserted/u,
        );
      }
    });

    it("is what reference values are compared with, never the guest", () => {
      const other = { ...WANTED, mrEnclave: "d1".repeat(32) };
      assert.deepEqual(failedCodes(verify(name, { policy: { referenceValues: [other] } })), ["ERR_POLICY_MEASUREMENT"]);
      const old = { ...WANTED, minIsvSvn: 8 };
      assert.deepEqual(failedCodes(verify(name, { policy: { referenceValues: [old] } })), ["ERR_POLICY_VERSION"]);
      const guest = GUESTS[name]?.image;
      const verdict = verify(name, { policy: { referenceValues: [guest] } });
      assert.deepEqual(failedCodes(verdict), ["ERR_POLICY_NO_REFERENCE"]);
    });

    it("is refused in debug mode, unless that is allowed", () => {
      const container = { ...CONTAINER, debug: true };
      assert.deepEqual(failedCodes(verify(name, { container })), ["ERR_POLICY_DEBUG"]);
      assert.equal(verify(name, { container, allow: ["debug"] }).verdict, "accepted");
    });

    it("with a malformed claim is refused", () => {
      const claims = { container: encodeCbor(new Map([["mr-enclave", Buffer.alloc(32)]])) };
      assert.deepEqual(failedCodes(verify(name, { claims })), ["ERR_CLAIMS_FORMAT"]);
    });
  });
}

describe("the claim", () => {
  it("survives encoding, and is one form for one container", () => {
    assert.deepEqual(decodeContainerClaim(encodeContainerClaim(CONTAINER)), CONTAINER);
    const members = { "mr-enclave": Buffer.alloc(32), "mr-signer": Buffer.alloc(32), "isv-prod-id": 1, "isv-svn": 1 };
    const wrong: unknown[] = [
      [],
      new Map(),
      new Map(Object.entries(members)),
      new Map(Object.entries({ ...members, debug: 0 })),
      new Map(Object.entries({ ...members, debug: false, more: 1 })),
      new Map(Object.entries({ ...members, debug: false, "isv-svn": 65_536 })),
      new Map(Object.entries({ ...members, debug: false, "mr-signer": Buffer.alloc(31) })),
    ];
    for (const value of wrong) {
      assert.throws(
        () => decodeContainerClaim(encodeCbor(value)),
        (error) => isInclavareError(error, "ERR_CLAIMS_FORMAT"),
      );
    }
  });

  it("means nothing in an SGX enclave's evidence: the enclave is what is appraised", () => {
    const claims = encodeClaims({
      pubkeyHash: { algorithm: "sha-256", value: Buffer.alloc(32, 1) },
      nonce: NONCE,
      container: encodeContainerClaim(CONTAINER),
    });
    const { quote, collateral, trustAnchors } = createWorld({ report: { reportData: reportDataFor(claims) } });
    const verdict = verifyEvidence({
      bytes: encodeEvidenceMessage({ evidence: { format: "sgx-quote", quote, collateral }, claims }),
      trustAnchors,
      now: NOW,
      nonce: NONCE,
      policy: parsePolicy(JSON.stringify({ referenceValues: [WANTED] }), "policy"),
      allow: WORDS,
      evidenceOnly: false,
    });
    assert.ok(failedCodes(verdict).includes("ERR_POLICY_MEASUREMENT"));
  });
});

describe("a guest image in a policy", () => {
  it("names all that its integrity rests on", () => {
    const whole = GUESTS["TDX"]?.image ?? {};
    const { rtmr2: _, ...part } = whole;
    for (const guestImages of [[part], [{ mrEnclave: "00".repeat(32) }], [{ hostData: "00".repeat(32) }], [{}]]) {
      assert.throws(
        () => parsePolicy(JSON.stringify({ guestImages }), "policy"),
        (error) => isInclavareError(error, "ERR_POLICY_FORMAT"),
      );
    }
    assert.equal(parsePolicy(JSON.stringify({ guestImages: [whole] }), "policy").guestImages?.length, 1);
  });
});
