import { InclavareError } from "@inclavare/errors";
import { type Certificate, parseCertificate, parsePemChain } from "@inclavare/x509";
import { INTEL_SGX_ROOT_CA } from "./intel-root.ts";

/** A root that verification may end in. */
export interface TrustAnchor {
  readonly certificate: Certificate;
  /** `genuine` only for the key of a hardware vendor that is built in; evidence under any other root is simulated. */
  readonly class: "genuine" | "simulated";
  readonly vendor?: string;
}

const VENDORS = [{ vendor: "Intel", pem: INTEL_SGX_ROOT_CA }] as const;

let builtin: readonly TrustAnchor[] | undefined;

/** The hardware vendors' roots. */
export function builtinTrustAnchors(): readonly TrustAnchor[] {
  builtin ??= VENDORS.map(({ vendor, pem }) => {
    return { certificate: parseCertificate(pem, `root of ${vendor}`), class: "genuine", vendor } as const;
  });
  return builtin;
}

/**
 * Trust anchors of the user's own choice.
 * @param pem certificates; the keys of the self-issued ones are trusted, others (of a chain file) are passed over.
 * @throws InclavareError ERR_TRUST_ANCHOR_FORMAT
 */
export function trustAnchorsFromPem(pem: string, what: string = "trust anchors"): readonly TrustAnchor[] {
  let certificates: Certificate[];
  try {
    certificates = parsePemChain(pem, what);
  } catch (cause) {
    throw new InclavareError("ERR_TRUST_ANCHOR_FORMAT", `${what}: no certificates can be read`, { cause });
  }
  const roots = certificates.filter(({ issuer, subject }) => Buffer.compare(issuer.raw, subject.raw) === 0);
  if (roots.length === 0) {
    throw new InclavareError("ERR_TRUST_ANCHOR_FORMAT", `${what}: none of the certificates is a root`);
  }
  return roots.map((certificate) => {
    const known = findTrustAnchor(certificate, builtinTrustAnchors());
    return known ?? ({ certificate, class: "simulated" } as const);
  });
}

/** The anchor whose key is the root's. A name proves nothing, and the bytes of a certificate may change over one key. */
export function findTrustAnchor(root: Certificate, anchors: readonly TrustAnchor[]): TrustAnchor | undefined {
  return anchors.find(({ certificate }) => isSameKey(certificate, root));
}

export function isSameKey(a: Certificate, b: Certificate): boolean {
  return Buffer.compare(a.spki, b.spki) === 0;
}
