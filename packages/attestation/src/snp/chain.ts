/** AMD's chain: VCEK by ASK, VLEK by ASVK, either by ARK. @see AMD 57230, certificate chain */
import { type InclavareError, isInclavareError } from "@inclavare/errors";
import type { Certificate } from "@inclavare/x509";
import type { VerificationCache } from "../cache.ts";
import { assertIssuedBy, assertUnderstood } from "../certificates.ts";
import { CheckFailure } from "../check.ts";
import type { TrustAnchor } from "../trust-anchors.ts";
import { readVek, type Vek, vekKind, type VekKind } from "./vek.ts";
import type { SnpReport } from "./decode.ts";

const CODE = "ERR_SNP_CHAIN";
const RSA_BITS = 4096;
const ISSUER_NAMES: Readonly<Record<VekKind, string>> = { VCEK: "SEV-", VLEK: "SEV-VLEK-" };
const NO_OIDS: ReadonlySet<string> = new Set();

/** A chain whose certificates have signed one another, the root itself included. It may be expired and untrusted. */
export interface SnpChain {
  readonly what: string;
  /** VEK first, root last. */
  readonly certificates: readonly Certificate[];
  readonly vek: Vek;
  readonly issuer: Certificate;
  readonly root: Certificate;
}

/**
 * The endorsement key for a report: of the kind that signed it, and among several the one of its TCB and chip.
 * @throws CheckFailure ERR_COLLATERAL_MISSING where there is none; ERR_SNP_CHAIN, ERR_SNP_PRODUCT for a malformed one
 */
export function findVek(certificates: readonly Certificate[], report: SnpReport): Vek {
  const failures: InclavareError[] = [];
  const veks = certificates.flatMap((certificate) => {
    const kind = vekKind(certificate);
    try {
      return kind === undefined ? [] : [readVek(certificate, kind)];
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      failures.push(error);
      return [];
    }
  });
  const score = ({ kind, tcbVersion, hwid }: Vek): number =>
    (kind === report.signingKey ? 4 : 0) +
    (Buffer.compare(tcbVersion, report.reportedTcb) === 0 ? 2 : 0) +
    (hwid !== undefined && Buffer.compare(hwid, report.chipId.subarray(0, hwid.length)) === 0 ? 1 : 0);
  const [best] = veks.toSorted((a, b) => score(b) - score(a));
  if (best !== undefined) return best;
  // A key that cannot be read spoils nothing where there is another.
  const [failure] = failures;
  if (failure !== undefined) throw failure;
  const kind = report.signingKey === "none" ? "VCEK or VLEK" : report.signingKey;
  throw new CheckFailure("ERR_COLLATERAL_MISSING", `the report can only be verified with the ${kind} and its chain`, {
    expected: `an endorsement with the ${kind} certificate`,
    actual: "none",
  });
}

/**
 * Verifies what does not depend on the time: names, roles, key kinds, signatures, up to a root that has signed itself.
 * A root that is trusted need not be among the endorsements, and one that is there is trusted by its key alone.
 * @throws CheckFailure ERR_SNP_CHAIN; ERR_COLLATERAL_MISSING where an issuer's certificate is missing
 */
export function verifySnpChain(
  vek: Vek,
  certificates: readonly Certificate[],
  { anchors, cache }: { readonly anchors: readonly TrustAnchor[]; readonly cache: VerificationCache },
): SnpChain {
  const roots = anchors.flatMap(({ certificate }) => (certificate === undefined ? [] : [certificate]));
  const issuer = findIssuer(vek.certificate, certificates, `${ISSUER_NAMES[vek.kind]}${vek.product}`);
  const root = findIssuer(issuer, [...roots, ...certificates], `ARK-${vek.product}`);
  const chain = [vek.certificate, issuer, root];
  return cache.remember(
    "chain snp",
    chain.map(({ raw }) => Buffer.from(raw).toString("latin1")),
    () => {
      const name = { VCEK: "VCEK certificate chain", VLEK: "VLEK certificate chain" }[vek.kind];
      assertVek(vek);
      assertAuthority(issuer, `${ISSUER_NAMES[vek.kind]}${vek.product}`);
      assertAuthority(root, `ARK-${vek.product}`);
      for (const [index, certificate] of chain.entries()) {
        if (certificate.signatureAlgorithm !== "rsa-pss-sha384") {
          fail(certificate, "is signed with another algorithm", "rsa-pss-sha384", certificate.signatureAlgorithm);
        }
        assertIssuedBy(certificate, chain[index + 1] ?? certificate, CODE);
      }
      return { what: name, certificates: chain, vek, issuer, root };
    },
  );
}

/** Several certificates may have one name: the one that signed is taken, and otherwise any of them is blamed. */
function findIssuer(child: Certificate, candidates: readonly Certificate[], name: string): Certificate {
  const named = candidates.filter(({ subject }) => Buffer.compare(subject.raw, child.issuer.raw) === 0);
  const [first] = named;
  if (first === undefined) {
    throw new CheckFailure("ERR_COLLATERAL_MISSING", `the certificate of ${name} is missing`, {
      expected: `an endorsement with "${child.issuer.text}"`,
      actual: "none",
    });
  }
  return named.find((issuer) => hasSigned(issuer, child)) ?? first;
}

function hasSigned(issuer: Certificate, child: Certificate): boolean {
  try {
    assertIssuedBy(child, issuer, CODE);
    return true;
  } catch (error) {
    if (isInclavareError(error)) return false;
    throw error;
  }
}

function assertVek({ certificate, kind }: Vek): void {
  const { basicConstraints, keyKind } = certificate;
  if (basicConstraints?.ca === true) fail(certificate, "is a CA", `a ${kind}`, "CA true");
  if (keyKind !== "P-384") fail(certificate, "has a key of the wrong kind", "P-384", keyKind);
  assertUnderstood(certificate, NO_OIDS, CODE);
}

function assertAuthority(certificate: Certificate, name: string): void {
  const { subject, basicConstraints, keyUsage, publicKey } = certificate;
  if (subject.commonName !== name)
    fail(certificate, "stands in another's place", name, subject.commonName ?? "no name");
  if (basicConstraints?.ca !== true) fail(certificate, "is no CA", "CA true", "CA false");
  if (keyUsage?.has("keyCertSign") !== true)
    fail(certificate, "may not issue certificates", "keyCertSign", "no such usage");
  const bits = publicKey.asymmetricKeyDetails?.modulusLength ?? 0;
  if (bits !== RSA_BITS) fail(certificate, "has a key of the wrong kind", `RSA-${RSA_BITS}`, `${bits} bits of RSA`);
  assertUnderstood(certificate, NO_OIDS, CODE);
}

function fail({ subject }: Certificate, rule: string, expected: string, actual: string): never {
  throw new CheckFailure(CODE, `certificate "${subject.commonName ?? subject.text}" ${rule}`, { expected, actual });
}
