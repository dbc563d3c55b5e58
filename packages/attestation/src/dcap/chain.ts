/** Certificate chains of Intel's attestation PKI. @see Intel SGX PCK Certificate and CRL Profile Specification */
import type { ErrorCode } from "@inclavare/errors";
import { type Certificate, EXTENSION, fromPem, type KeyUsage } from "@inclavare/x509";
import type { VerificationCache } from "../cache.ts";
import { assertIssuedBy, assertUnderstood, cachedCertificate } from "../certificates.ts";
import { CheckFailure, inStep } from "../check.ts";
import type { TrustAnchor } from "../trust-anchors.ts";

/** A certificate's place in a chain. */
interface Role {
  /** What the common name must contain: root, CA and leaf are never taken for one another. */
  readonly name: string;
  readonly usage: KeyUsage;
  readonly ca: boolean;
}

const PCK: Role = { name: "SGX PCK Certificate", usage: "digitalSignature", ca: false };
const PCK_CA: Role = { name: "CA", usage: "keyCertSign", ca: true };
const TCB_SIGNING: Role = { name: "SGX TCB Signing", usage: "digitalSignature", ca: false };
const ROOT: Role = { name: "SGX Root CA", usage: "keyCertSign", ca: true };

const PROFILES = {
  pck: { what: "PCK certificate chain", roles: [PCK, PCK_CA, ROOT] },
  "pck-crl": { what: "PCK CRL issuer chain", roles: [PCK_CA, ROOT] },
  "tcb-signing": { what: "TCB signing chain", roles: [TCB_SIGNING, ROOT] },
} as const satisfies Record<string, { what: string; roles: readonly Role[] }>;

export type ChainKind = keyof typeof PROFILES;

/** A chain whose certificates have signed one another, the root itself included. It may be expired and untrusted. */
export interface Chain {
  readonly what: string;
  /** Leaf first. */
  readonly certificates: readonly Certificate[];
  readonly leaf: Certificate;
  /** Who issued the leaf; the root where the chain has no other. */
  readonly issuer: Certificate;
  readonly root: Certificate;
}

/** What a chain may have in common with others: nothing in it is taken on trust. */
export interface Known {
  readonly cache: VerificationCache;
  readonly anchors: readonly TrustAnchor[];
}

/** @see Intel SGX PCK Certificate and CRL Profile Specification, sections 1.3.1 to 1.3.4: in every certificate */
const { authorityKeyId, crlDistributionPoints, subjectKeyId, keyUsage, basicConstraints } = EXTENSION;
const REQUIRED = { authorityKeyId, crlDistributionPoints, subjectKeyId, keyUsage, basicConstraints };

const SGX_EXTENSION = "1.2.840.113741.1.13.1";
const UNDERSTOOD: ReadonlySet<string> = new Set([SGX_EXTENSION]);
const MOST_CHARACTERS = 64 * 1024;

/**
 * Parses a chain and verifies everything in it that does not depend on the time or on whom one trusts: length, roles,
 * names, constraints, key kinds, signatures.
 * @param pem in any order, as Intel's own library takes it; text around the blocks and a NUL at the end are common, and
 *   ignored.
 * @throws CheckFailure with the given code
 */
export function verifyChain(
  kind: ChainKind,
  pem: string,
  { code, ...known }: { readonly code: ErrorCode } & Known,
): Chain {
  const { what, roles } = PROFILES[kind];
  if (pem.length > MOST_CHARACTERS)
    throw new CheckFailure(code, `${what} is longer than ${MOST_CHARACTERS} characters`);
  const parsed = inStep(code, what, () =>
    fromPem(pem, "CERTIFICATE", what).map((der) => cachedCertificate(der, what, known)),
  );
  if (parsed.length !== roles.length) {
    throw new CheckFailure(code, `${what} has the wrong length`, {
      expected: `${roles.length} certificates`,
      actual: String(parsed.length),
    });
  }
  const certificates = inOrder(parsed);
  const [leaf, issuer] = certificates;
  const root = certificates.at(-1);
  if (leaf === undefined || root === undefined || issuer === undefined)
    throw new CheckFailure(code, `${what} is empty`);
  for (const [index, role] of roles.entries()) {
    const certificate = certificates[index];
    if (certificate === undefined) continue;
    assertRole(certificate, role, { code, below: roles.filter(({ ca }, place) => ca && place < index).length });
    assertIssuedBy(certificate, certificates[index + 1] ?? certificate, code);
  }
  return { what, certificates, leaf, issuer, root };
}

/** Leaf first, whatever order they came in: by who names whom as issuer; as they came where that is no chain. */
function inOrder(certificates: readonly Certificate[]): readonly Certificate[] {
  const names = (child: Certificate, issuer: Certificate): boolean =>
    child !== issuer && Buffer.compare(child.issuer.raw, issuer.subject.raw) === 0;
  const leaf = certificates.find((one) => !certificates.some((other) => names(other, one)));
  const ordered = leaf === undefined ? [] : [leaf];
  for (let last = leaf; last !== undefined;) {
    const child = last;
    last = certificates.find((one) => names(child, one) && !ordered.includes(one));
    if (last !== undefined) ordered.push(last);
  }
  return ordered.length === certificates.length ? ordered : certificates;
}

interface Place {
  readonly code: ErrorCode;
  /** How many CA certificates stand between this one and the leaf. */
  readonly below: number;
}

function assertRole(certificate: Certificate, role: Role, { code, below }: Place): void {
  const { subject, basicConstraints, keyUsage, keyKind } = certificate;
  const name = subject.commonName ?? subject.text;
  const fail = (rule: string, expected: string, actual: string): never => {
    throw new CheckFailure(code, `certificate "${name}" ${rule}`, { expected, actual });
  };
  if (!name.includes(role.name) || (role === PCK_CA && name.includes(ROOT.name))) {
    fail("stands in another's place", `a name with "${role.name}"`, name);
  }
  if (basicConstraints?.ca !== role.ca) fail("has wrong basic constraints", `CA ${role.ca}`, caText(certificate));
  if (role.ca && basicConstraints?.pathLength !== undefined && basicConstraints.pathLength < below) {
    fail("may not issue so long a chain", `path length ${below}`, String(basicConstraints.pathLength));
  }
  if (keyUsage?.has(role.usage) !== true) {
    fail("may not be used like this", role.usage, keyUsage === undefined ? "no key usage" : [...keyUsage].join(", "));
  }
  if (keyKind !== "P-256") fail("has a key of the wrong kind", "P-256", keyKind);
  for (const [extension, oid] of Object.entries(REQUIRED)) {
    if (!certificate.extensions.has(oid)) fail("lacks an extension that its profile demands", extension, "none");
  }
  assertUnderstood(certificate, UNDERSTOOD, code);
}

function caText({ basicConstraints }: Certificate): string {
  return basicConstraints === undefined ? "no basic constraints" : `CA ${basicConstraints.ca}`;
}
