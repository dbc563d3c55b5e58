/** Collateral in a certificate: as we write it, as others do, and malformed. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { describe, it } from "node:test";
import { createCertificate, type NewExtension } from "@inclavare/x509";
import { encodeCbor, TAG_INTEL_QUOTE, tagEvidence, withTag } from "../src/cbor.ts";
import { CollateralCache, resolveCollateral } from "../src/collateral/index.ts";
import {
  encodeClaims,
  encodeEndorsements,
  ENDORSEMENTS_EXTENSION,
  EVIDENCE_EXTENSION,
  hashPublicKey,
  reportDataFor,
  verifyEvidence,
  type Verdict,
} from "../src/index.ts";
import { createWorld, newKey, NOW } from "./world.ts";

const key = newKey();
const publicKey = createPublicKey(key);
const spki = publicKey.export({ type: "spki", format: "der" });
const claims = encodeClaims({ pubkeyHash: hashPublicKey(spki) });
const world = createWorld({ report: { reportData: reportDataFor(claims) } });
const { collateral } = world;

function certificate(endorsements: Uint8Array | undefined): Uint8Array {
  const evidence = encodeCbor(tagEvidence({ form: "quote", evidence: world.quote, claims }));
  const extensions: NewExtension[] = [{ oid: EVIDENCE_EXTENSION, critical: false, value: evidence }];
  if (endorsements !== undefined) {
    extensions.push({ oid: ENDORSEMENTS_EXTENSION, critical: false, value: endorsements });
  }
  return createCertificate({
    subject: { CN: "RATS-TLS" },
    serial: 1n,
    notBefore: new Date("2025-06-01T00:00:00Z"),
    notAfter: new Date("2025-07-01T00:00:00Z"),
    publicKey,
    signingKey: key,
    extensions,
  });
}

function verify(bytes: Uint8Array, more: object = {}): Verdict {
  const input = { bytes, trustAnchors: world.trustAnchors, now: NOW, allow: [], evidenceOnly: true };
  return verifyEvidence({ ...input, ...more });
}

function failedCodes({ checks }: Verdict): (string | undefined)[] {
  return checks.filter(({ result }) => result === "failed").map(({ code }) => code);
}

/** As other producers have it: `terminate` ends texts, lists are DER or PEM. */
function list(terminate: string, crl: (hex: string) => Uint8Array, ...more: unknown[]): unknown[] {
  const text = (value: string): Uint8Array => Buffer.from(`${value}${terminate}`);
  return [
    4,
    text(`{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`),
    text(collateral.tcb_info_issuer_chain),
    crl(collateral.pck_crl),
    crl(collateral.root_ca_crl),
    text(collateral.pck_crl_issuer_chain),
    text(`{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`),
    text(collateral.qe_identity_issuer_chain),
    ...more,
  ];
}

const der = (hex: string): Uint8Array => Buffer.from(hex, "hex");

describe("endorsements in a certificate", () => {
  it("are enough to verify its evidence", () => {
    assert.deepEqual(failedCodes(verify(certificate(undefined))), ["ERR_COLLATERAL_MISSING"]);
    assert.equal(verify(certificate(encodeEndorsements(collateral))).verdict, "verified");
  });

  it("as other producers write them: without the tag, with a time of creation, with DER, with no NUL", () => {
    for (const item of [
      list("", der),
      withTag(
        TAG_INTEL_QUOTE,
        list("\0", (hex) => Buffer.from(`${hex}\0`)),
      ),
      list("\0", der, Buffer.from("2025-06-15T00:00:00Z")),
    ]) {
      const verdict = verify(certificate(encodeCbor(item)));
      assert.deepEqual([verdict.verdict, failedCodes(verdict)], ["verified", []]);
    }
  });

  it("only stand in for the verifier's own", async () => {
    const bytes = certificate(encodeEndorsements(collateral));
    const cache = new CollateralCache({ sources: [], trustAnchors: world.trustAnchors, now: () => NOW });
    const resolved = await resolveCollateral(bytes, { cache });
    assert.equal(resolved.collateral?.tcb_info, collateral.tcb_info);
    const revoked = createWorld({ tcbInfo: { tcbLevels: [] } });
    const own = verify(bytes, { collateral: revoked.collateral });
    assert.notEqual(own.verdict, "verified");
  });

  it("malformed, they make the certificate so", () => {
    const good = list("\0", der);
    for (const item of [
      "text",
      [],
      good.slice(0, 7),
      [...good, Buffer.alloc(1), Buffer.alloc(1)],
      ["4", ...good.slice(1)],
      good.with(2, "text"),
      good.with(1, Buffer.from("{}")),
      good.with(3, Buffer.from("zz")),
      good.with(7, Buffer.from([0xff])),
    ]) {
      assert.deepEqual(failedCodes(verify(certificate(encodeCbor(item)))), ["ERR_EVIDENCE_FORMAT"]);
    }
    assert.deepEqual(failedCodes(verify(certificate(Buffer.from("ff", "hex")))), ["ERR_EVIDENCE_FORMAT"]);
  });
});
