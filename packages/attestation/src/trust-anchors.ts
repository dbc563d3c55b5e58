import { createHash, createPublicKey, type KeyObject } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { type Certificate, parseCertificate, parsePemChain } from "@inclavare/x509";
import { CheckFailure, type CheckList } from "./check.ts";
import { ARK_GENOA, ARK_MILAN, ARK_TURIN } from "./roots/amd.ts";
import { AWS_NITRO_ROOT } from "./roots/aws.ts";
import { INTEL_SGX_ROOT_CA } from "./roots/intel.ts";

export type Vendor = "Intel" | "AMD" | "AWS";

/** A key that verification may end in. */
export interface TrustAnchor {
  /** DER SubjectPublicKeyInfo. A name proves nothing, and the bytes of a certificate may change over one key. */
  readonly spki: Uint8Array;
  readonly publicKey: KeyObject;
  /** Left out: a bare key, such as the one that endorses a single Arm platform. */
  readonly certificate?: Certificate;
  /** `genuine` only for the key of a hardware vendor that is built in; evidence under any other is simulated. */
  readonly class: "genuine" | "simulated";
  /** Of a built-in key; it vouches for this vendor's TEEs only. */
  readonly vendor?: Vendor;
}

const VENDORS: readonly (readonly [Vendor, string])[] = [
  ["Intel", INTEL_SGX_ROOT_CA],
  ["AMD", ARK_MILAN],
  ["AMD", ARK_GENOA],
  ["AMD", ARK_TURIN],
  ["AWS", AWS_NITRO_ROOT],
];
const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----[A-Za-z0-9+/=\s]*-----END PUBLIC KEY-----/gu;
const MOST_KEYS = 64;

let builtin: readonly TrustAnchor[] | undefined;

/** The hardware vendors' roots. */
export function builtinTrustAnchors(): readonly TrustAnchor[] {
  builtin ??= VENDORS.map(([vendor, pem]) => {
    return { ...anchorOf(parseCertificate(pem, `root of ${vendor}`)), class: "genuine", vendor } as const;
  });
  return builtin;
}

/**
 * Trust anchors of the user's own choice.
 * @param pem certificates, of which the self-issued ones are trusted and others (of a chain file) are passed over; and
 *   bare public keys, which vouch for the platforms that have them.
 * @throws InclavareError ERR_TRUST_ANCHOR_FORMAT
 */
export function trustAnchorsFromPem(pem: string, what: string = "trust anchors"): readonly TrustAnchor[] {
  const found = [...readRoots(pem, what), ...readKeys(pem, what)];
  if (found.length > 0) return found;
  throw new InclavareError("ERR_TRUST_ANCHOR_FORMAT", `${what}: there is no root certificate and no public key`);
}

function readRoots(pem: string, what: string): TrustAnchor[] {
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) return [];
  let certificates: Certificate[];
  try {
    certificates = parsePemChain(pem, what);
  } catch (cause) {
    throw new InclavareError("ERR_TRUST_ANCHOR_FORMAT", `${what}: the certificates cannot be read`, { cause });
  }
  const roots = certificates.filter(({ issuer, subject }) => Buffer.compare(issuer.raw, subject.raw) === 0);
  return roots.map((certificate) => {
    const known = findTrustAnchor(certificate, builtinTrustAnchors());
    return known ?? ({ ...anchorOf(certificate), class: "simulated" } as const);
  });
}

function readKeys(pem: string, what: string): TrustAnchor[] {
  const blocks = pem.match(PUBLIC_KEY) ?? [];
  if (blocks.length > MOST_KEYS) {
    throw new InclavareError("ERR_TRUST_ANCHOR_FORMAT", `${what}: more than ${MOST_KEYS} public keys`);
  }
  return blocks.map((block) => {
    try {
      const publicKey = createPublicKey(block);
      return { publicKey, spki: publicKey.export({ type: "spki", format: "der" }), class: "simulated" };
    } catch (cause) {
      throw new InclavareError("ERR_TRUST_ANCHOR_FORMAT", `${what}: a public key cannot be read`, { cause });
    }
  });
}

function anchorOf(certificate: Certificate): Pick<TrustAnchor, "spki" | "publicKey" | "certificate"> {
  const { spki, publicKey } = certificate;
  return { spki, publicKey, certificate };
}

/** The anchors that may vouch for a vendor's TEEs: the vendor's own, and those of the user's choice. */
export function anchorsFor(vendor: Vendor | undefined, anchors: readonly TrustAnchor[]): readonly TrustAnchor[] {
  return anchors.filter((anchor) => anchor.vendor === undefined || anchor.vendor === vendor);
}

/** The check that a chain ends in a trusted root. @returns the anchor, where there is one. */
export function addTrustAnchor(
  list: CheckList,
  root: Certificate | undefined,
  anchors: readonly TrustAnchor[],
): TrustAnchor | undefined {
  return list.run("trust-anchor", [root], (root) => {
    const found = findTrustAnchor(root, anchors);
    if (found !== undefined) {
      const owner = found.vendor === undefined ? "given by the user" : `of ${found.vendor}`;
      return { value: found, message: `the chain ends in a trusted root, ${owner}` };
    }
    throw new CheckFailure("ERR_TRUST_ANCHOR", `root "${root.subject.text}" is not trusted`, {
      expected: `the key of one of ${anchors.length} trusted roots`,
      actual: `SHA-256 of its key ${createHash("sha256").update(root.spki).digest("hex")}`,
    });
  });
}

/** The anchor whose key is the root's. */
export function findTrustAnchor(
  root: Pick<Certificate, "spki">,
  anchors: readonly TrustAnchor[],
): TrustAnchor | undefined {
  return anchors.find((anchor) => isSameKey(anchor, root));
}

export function isSameKey(a: Pick<Certificate, "spki">, b: Pick<Certificate, "spki">): boolean {
  return Buffer.compare(a.spki, b.spki) === 0;
}
