/** Ends of different TEEs on one connection: an SGX-like one, and TDX and SEV-SNP ones of worlds made for the test. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, connect, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  type Attester,
  DEFAULT_POLICY,
  type Evidence,
  type Policy,
  type TrustAnchor,
  verifyEvidence,
} from "../../packages/attestation/src/index.ts";
import { createSnpWorld, SNP_NOW } from "../../packages/attestation/test/snp-world.ts";
import { createWorld, NOW } from "../../packages/attestation/test/world.ts";
import {
  acceptEnclaveTls,
  type CertificatePolicy,
  connectEnclaveTls,
  createIdentity,
  type EnclaveTlsSocket,
  type EvidencePolicy,
  type Identity,
  type PeerPolicy,
} from "../../packages/enclave-tls/src/index.ts";
import { type SimulatedPlatform, startPlatform } from "../../packages/enclave-tls/test/simulated.ts";

const TIMEOUT_MS = 20_000;
const VECTORS = join(import.meta.dirname, "..", "vectors");
// The certificates and collateral of the worlds are current at one time, which is that of every clock here.
assert.deepEqual(NOW, SNP_NOW);
const now = (): Date => NOW;

interface Guest {
  readonly attester: Attester;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly policy: Policy;
}

function attesterOf(evidence: (reportData: Uint8Array) => Evidence): Attester {
  return {
    tee: "simulated",
    identity: () => Promise.reject(new Error("not asked for here")),
    evidence: async (reportData) => evidence(reportData),
  };
}

/** Trust anchors of a world are nobody's: what they vouch for counts as simulated. */
const ALLOW = { ...DEFAULT_POLICY, allow: ["simulated"] } as const;
const source = "the test";

const GUESTS: Readonly<Record<string, Guest>> = {
  "TDX 1.0": {
    attester: attesterOf((reportData) => {
      const { quote, collateral } = createWorld({ td: { reportData } });
      return { format: "tdx-quote", quote, collateral };
    }),
    trustAnchors: createWorld({ td: {} }).trustAnchors,
    policy: { ...ALLOW, referenceValues: [{ mrTd: "01".repeat(48), source }] },
  },
  "TDX 1.5, in a quote of version 5": {
    attester: attesterOf((reportData) => {
      const { quote, collateral } = createWorld({ td: { version: 5, reportData } });
      return { format: "tdx-quote", quote, collateral };
    }),
    trustAnchors: createWorld({ td: {} }).trustAnchors,
    policy: { ...ALLOW, referenceValues: [{ mrTd: "01".repeat(48), source }] },
  },
  "SEV-SNP": {
    attester: attesterOf((reportData) => {
      const { report, endorsements } = createSnpWorld({
        revokes: [],
        report: (bytes) => bytes.set(reportData, 0x50),
      });
      return { format: "snp-report", quote: report, endorsements: endorsements.join("\n") };
    }),
    trustAnchors: createSnpWorld().trustAnchors,
    policy: { ...ALLOW, referenceValues: [{ measurement: "aa".repeat(48), source }] },
  },
};

function demand({ trustAnchors, policy }: Omit<Guest, "attester">): EvidencePolicy {
  return {
    evidence: "required",
    appraise: async (_evidence, { nonce = new Uint8Array(0) }, _claimsBytes, bytes) =>
      verifyEvidence({ bytes, trustAnchors, now: NOW, nonce, policy, allow: [], evidenceOnly: false }),
  };
}

function demandCertificate({ trustAnchors, policy, attester }: Guest, isAllowed = true): CertificatePolicy {
  return {
    evidence: "certificate",
    allow: "no-nonce",
    appraiseCertificate: async (bytes) => {
      // What the certificate has no room for, the verifier has from elsewhere.
      const { collateral, endorsements } = await attester.evidence(new Uint8Array(64));
      return verifyEvidence({
        bytes,
        trustAnchors,
        now: NOW,
        policy,
        allow: isAllowed ? ["no-nonce"] : [],
        evidenceOnly: false,
        ...(collateral === undefined ? {} : { collateral }),
        ...(endorsements === undefined ? {} : { endorsements: [endorsements] }),
      });
    },
  };
}

let platform: SimulatedPlatform;
let enclave: Identity;
let enclavePolicy: EvidencePolicy;

before(async () => {
  platform = await startPlatform(NOW);
  const attester = platform.launch("verifier");
  enclave = await createIdentity({ attester, now: NOW });
  enclavePolicy = demand({
    trustAnchors: platform.trustAnchors,
    policy: { ...ALLOW, referenceValues: [{ mrEnclave: attester.mrEnclave, source }] },
  });
});
after(() => platform[Symbol.dispose]());

interface End {
  readonly identity: Identity;
  readonly peer: PeerPolicy;
}

/** Both ends, or the errors with which each of them ended. */
async function meet(server: End, client: End): Promise<(EnclaveTlsSocket | { code?: string })[]> {
  const listener = createServer();
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const socket = connect(listener.address() as { port: number });
  const [accepted] = (await once(listener, "connection")) as [Socket];
  listener.close();
  const ends = await Promise.allSettled([
    acceptEnclaveTls(accepted, { ...server, timeoutMs: TIMEOUT_MS, now }),
    connectEnclaveTls(socket, { ...client, timeoutMs: TIMEOUT_MS, now }),
  ]);
  return ends.map((end) => (end.status === "fulfilled" ? end.value : (end.reason as { code?: string })));
}

/** Whoever is open is closed. */
function codes(ends: readonly (EnclaveTlsSocket | { code?: string })[]): (string | undefined)[] {
  return ends.map((end) => {
    if (!("peer" in end)) return end.code;
    end.destroy();
    return undefined;
  });
}

for (const [name, guest] of Object.entries(GUESTS)) {
  describe(`an SGX enclave and a guest of ${name}`, () => {
    let identity: Identity;
    before(async () => {
      identity = await createIdentity({ attester: guest.attester, workload: "payroll", now: NOW });
    });

    it("prove themselves to each other, freshly, and again while they are connected", async () => {
      const [server, client] = await meet(
        { identity, peer: enclavePolicy },
        { identity: enclave, peer: demand(guest) },
      );
      assert.ok(server !== undefined && "peer" in server && client !== undefined && "peer" in client);
      assert.equal(client.peer.verdict?.verdict, "accepted");
      assert.equal(client.peer.workload, "payroll");
      assert.equal(server.peer.verdict?.verdict, "accepted");
      server.pipe(server);
      client.write("hello");
      assert.equal(String((await once(client, "data"))[0]), "hello");
      await client.reattest();
      assert.equal(client.destroyed, false);
      client.destroy();
    });

    it("do not, where the measurement is another one: ERR_TLS_APPRAISAL", async () => {
      const referenceValues = [
        { mrTd: "ee".repeat(48), source },
        { measurement: "ee".repeat(48), source },
      ];
      const other = demand({ ...guest, policy: { ...ALLOW, referenceValues } });
      const ends = await meet({ identity, peer: enclavePolicy }, { identity: enclave, peer: other });
      assert.equal(codes(ends)[1], "ERR_TLS_APPRAISAL");
    });

    it("do not, where the evidence is bound to nothing of the connection: ERR_TLS_PROOF_UNBOUND", async () => {
      const recorded = await guest.attester.evidence(Buffer.alloc(64, 7));
      // The certificate is honest; what comes for a challenge was recorded some time before.
      const attester = { ...guest.attester };
      const replayer = await createIdentity({ attester, workload: "payroll", now: NOW });
      attester.evidence = async () => recorded;
      const ends = await meet({ identity: replayer, peer: enclavePolicy }, { identity: enclave, peer: demand(guest) });
      assert.equal(codes(ends)[1], "ERR_TLS_PROOF_UNBOUND");
    });

    it("are let in by the certificate alone where no-nonce is allowed, and not without", async () => {
      const withoutProof = { identity, peer: enclavePolicy };
      const ends = await meet(withoutProof, { identity: enclave, peer: demandCertificate(guest) });
      assert.deepEqual(codes(ends), [undefined, undefined]);
      const refused = await meet(withoutProof, { identity: enclave, peer: demandCertificate(guest, false) });
      assert.equal(codes(refused)[1], "ERR_TLS_APPRAISAL");
      const { allow: _left, ...silent } = demandCertificate(guest);
      const unsaid = await meet(withoutProof, { identity: enclave, peer: silent as unknown as PeerPolicy });
      assert.equal(codes(unsaid)[1], "ERR_TLS_APPRAISAL");
    });
  });
}

describe("evidence that was recorded on real hardware", () => {
  const recordings: readonly (readonly [string, Evidence])[] = [
    ["TDX", { format: "tdx-quote", quote: readFileSync(join(VECTORS, "dcap/tdx-01.quote.bin")) }],
    ["SEV-SNP", { format: "snp-report", quote: readFileSync(join(VECTORS, "snp/milan-v2-b.report.bin")) }],
  ];
  for (const [name, evidence] of recordings) {
    it(`of ${name} speaks of nobody's key here: a certificate around it is refused with ERR_TLS_PROOF_UNBOUND`, async () => {
      const identity = await createIdentity({ attester: attesterOf(() => evidence), now: NOW });
      for (const peer of [demand(GUESTS["TDX 1.0"] as Guest), demandCertificate(GUESTS["TDX 1.0"] as Guest)]) {
        const ends = await meet({ identity, peer: enclavePolicy }, { identity: enclave, peer });
        assert.equal(codes(ends)[1], "ERR_TLS_PROOF_UNBOUND");
      }
    });
  }
});
