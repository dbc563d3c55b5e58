/** Verification of AWS Nitro Enclaves attestation documents. @see AWS Nitro Enclaves, "Verifying the root of trust" */
import { createPublicKey } from "node:crypto";
import type { JsonValue } from "@inclavare/errors";
import type { Certificate } from "@inclavare/x509";
import { assertIssuedBy, assertUnderstood, assertValidAt, periodOfChain } from "../certificates.ts";
import { CheckFailure, type CheckList, failCheck } from "../check.ts";
import { type Condition, met } from "../condition.ts";
import { verifySign1 } from "../cose/sign1.ts";
import { examinedNothing, type Examination } from "../examination.ts";
import { addTrustAnchor, anchorsFor, type TrustAnchor } from "../trust-anchors.ts";
import { decodeNitroDocument, measurementOfEnclave, type NitroDocument } from "./decode.ts";

export interface NitroVerification {
  readonly document: Uint8Array;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: Date;
}

const CODE = "ERR_NITRO_CHAIN";
const NO_OIDS: ReadonlySet<string> = new Set();
/** How far the hypervisor's clock may be ahead of the verifier's. */
const CLOCK_SKEW_MS = 300_000;

interface NitroChain {
  readonly what: string;
  /** Leaf first, root last. */
  readonly certificates: readonly Certificate[];
  readonly root: Certificate;
}

/** Runs the whole list of checks. */
export function examineNitroDocument(input: NitroVerification, list: CheckList): Examination {
  const { trustAnchors, now } = input;
  const document = list.run("document-format", [], () => {
    const value = decodeNitroDocument(input.document);
    return { value, message: `Nitro document of ${value.moduleId}, ${value.timestamp.toISOString()}` };
  });
  if (document === undefined) return examinedNothing("nitro");
  const chain = list.run("nitro-chain", [], () => {
    const value = verifyChain(document);
    return { value, message: `${value.certificates.length} certificates have signed one another` };
  });
  const anchor = addTrustAnchor(list, chain?.root, anchorsFor("AWS", trustAnchors));
  list.run("nitro-time", [chain], (chain) => {
    assertValidAt(chain, now, "ERR_NITRO_TIME");
    assertTimestamp(document, now);
    return { value: true, message: "certificates and document are valid at this time" };
  });
  list.run("document-signature", [], () => {
    const { token, certificate } = document;
    if (verifySign1(token, certificate.publicKey))
      return { value: true, message: "the enclave's certificate signed it" };
    return failCheck("ERR_TOKEN_SIGNATURE", "the Nitro document is not signed by its certificate");
  });
  return {
    tee: anchor?.class === "simulated" ? "simulated" : "nitro",
    measurement: measurementOfEnclave(document),
    tcb: null,
    reportData: document.nonce ?? new Uint8Array(0),
    periods: [],
    chains: chain === undefined ? [] : [periodOfChain(chain)],
    platform: { ids: [] },
    ...(document.publicKey === undefined || !isPublicKey(document.publicKey) ? {} : { boundKey: document.publicKey }),
    conditions: [ageCondition(document)],
    claims: () => describeDocument(document),
  };
}

/** @throws CheckFailure ERR_NITRO_CHAIN */
function verifyChain({ certificate, caBundle }: NitroDocument): NitroChain {
  const chain = [certificate, ...caBundle.toReversed()];
  for (const [index, one] of chain.entries()) {
    const name = one.subject.commonName ?? one.subject.text;
    const fail = (rule: string, expected: string, actual: string): never =>
      failCheck(CODE, `certificate "${name}" ${rule}`, expected, actual);
    const isCa = index > 0;
    const { basicConstraints, keyUsage, keyKind, signatureAlgorithm } = one;
    if ((basicConstraints?.ca === true) !== isCa) fail("has wrong basic constraints", `CA ${isCa}`, `CA ${!isCa}`);
    const { pathLength } = basicConstraints ?? {};
    if (isCa && pathLength !== undefined && pathLength < index - 1) {
      fail("may not issue so long a chain", `path length ${index - 1}`, String(pathLength));
    }
    const usage = isCa ? "keyCertSign" : "digitalSignature";
    if (keyUsage?.has(usage) !== true) fail("may not be used like this", usage, "no such usage");
    if (keyKind !== "P-384") fail("has a key of the wrong kind", "P-384", keyKind);
    if (signatureAlgorithm !== "ecdsa-sha384")
      fail("is signed with another algorithm", "ecdsa-sha384", signatureAlgorithm);
    assertUnderstood(one, NO_OIDS, CODE);
    assertIssuedBy(one, chain[index + 1] ?? one, CODE);
  }
  const root = chain.at(-1) ?? certificate;
  return { what: "Nitro certificate chain", certificates: chain, root };
}

/** The document was made while its certificate was valid, and not in the future. */
function assertTimestamp({ timestamp, certificate }: NitroDocument, now: Date): void {
  const { notBefore, notAfter } = certificate;
  const latest = new Date(Math.min(notAfter.getTime(), now.getTime() + CLOCK_SKEW_MS));
  if (timestamp >= notBefore && timestamp <= latest) return;
  throw new CheckFailure("ERR_NITRO_TIME", "the document was not made in its certificate's time, or is of the future", {
    expected: `${notBefore.toISOString()} to ${latest.toISOString()}`,
    actual: timestamp.toISOString(),
  });
}

function ageCondition({ timestamp }: NitroDocument): Condition {
  return {
    check: "age",
    test: ({ maxAgeSeconds }, now) => {
      const actual = `${Math.round((now.getTime() - timestamp.getTime()) / 1000)} s`;
      if (maxAgeSeconds === undefined) return met("the policy names no greatest age", { actual });
      const isYoung = now.getTime() - timestamp.getTime() <= 1000 * maxAgeSeconds;
      if (isYoung) return met("the document is as young as the policy wants", { actual });
      return failCheck("ERR_POLICY_AGE", "the document is older than the policy wants", `${maxAgeSeconds} s`, actual);
    },
  };
}

/** Nitro carries any bytes as `public_key`; a SubjectPublicKeyInfo (DER) is what its documentation calls for. */
function isPublicKey(der: Uint8Array): boolean {
  try {
    createPublicKey({ key: Buffer.from(der), format: "der", type: "spki" });
    return true;
  } catch {
    return false;
  }
}

/** The fields under the names of the document specification. */
function describeDocument(document: NitroDocument): Readonly<Record<string, JsonValue>> {
  const { moduleId, timestamp, pcrs, certificate, caBundle, publicKey, userData, nonce } = document;
  const optional = Object.entries({ public_key: publicKey, user_data: userData, nonce });
  return {
    module_id: moduleId,
    digest: "SHA384",
    timestamp: timestamp.getTime(),
    pcrs: Object.fromEntries([...pcrs].map(([index, pcr]) => [String(index), hex(pcr)])),
    certificate: hex(certificate.raw),
    cabundle: caBundle.map(({ raw }) => hex(raw)),
    ...Object.fromEntries(optional.map(([name, value]) => [name, value === undefined ? null : hex(value)])),
  };
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
