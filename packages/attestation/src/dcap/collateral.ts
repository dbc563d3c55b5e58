/** The signed documents of a collateral bundle, each verified from its exact bytes. */
import type { CollateralBundle } from "@inclavare/sgx";
import type { Certificate, Crl } from "@inclavare/x509";
import type { VerificationCache } from "../cache.ts";
import { CheckFailure } from "../check.ts";
import { isSameKey } from "../trust-anchors.ts";
import { type Chain, type ChainKind, verifyChain } from "./chain.ts";
import { assertNotRevoked, verifiedCrl } from "./crl.ts";
import { verifyP256 } from "./p256.ts";
import { parseQeIdentity, type QeIdentity } from "./qe-identity.ts";
import { parseTcbInfo, type TcbInfo } from "./tcb-info.ts";

/** The certificates of the PCK chain, which everything else must agree with. */
export interface Issuers {
  readonly root: Certificate;
  readonly pckIssuer: Certificate;
}

/** @throws CheckFailure ERR_CRL; ERR_CERTIFICATE_REVOKED where it lists the PCK's issuer */
export function verifyRootCrl(bundle: CollateralBundle, { root, pckIssuer }: Issuers, cache: VerificationCache): Crl {
  const what = "root CA CRL";
  const crl = cachedCrl({ text: bundle.root_ca_crl, issuer: root, what }, cache);
  assertNotRevoked(pckIssuer, crl, what);
  return crl;
}

/** @throws CheckFailure ERR_CRL, ERR_COLLATERAL_CHAIN; ERR_CERTIFICATE_REVOKED where it lists the PCK certificate */
export function verifyPckCrl(
  bundle: CollateralBundle,
  pck: { readonly chain: Chain; readonly rootCrl: Crl },
  cache: VerificationCache,
): Crl {
  const what = "PCK CRL";
  const { leaf, issuer, root } = pck.chain;
  const chain = collateralChain("pck-crl", bundle.pck_crl_issuer_chain, cache);
  if (!isSameKey(chain.leaf, issuer) || !isSameKey(chain.root, root)) {
    throw new CheckFailure("ERR_COLLATERAL_CHAIN", `${chain.what} is not that of the PCK certificate`, {
      expected: issuer.subject.text,
      actual: chain.leaf.subject.text,
    });
  }
  assertNotRevoked(chain.leaf, pck.rootCrl, "root CA CRL");
  const crl = cachedCrl({ text: bundle.pck_crl, issuer, what }, cache);
  assertNotRevoked(leaf, crl, what);
  return crl;
}

/** A verified document and the chain that vouches for it. */
export interface SignedDocument<T> {
  readonly document: T;
  readonly chain: Chain;
}

interface Authority {
  readonly root: Certificate;
  readonly rootCrl: Crl;
}

/** @throws CheckFailure ERR_COLLATERAL_CHAIN, ERR_COLLATERAL_SIGNATURE, ERR_COLLATERAL_CONTENT, ERR_CERTIFICATE_REVOKED */
export function verifyTcbInfo(
  bundle: CollateralBundle,
  authority: Authority,
  cache: VerificationCache,
): SignedDocument<TcbInfo> {
  const { tcb_info: text, tcb_info_signature: signature, tcb_info_issuer_chain: pem } = bundle;
  return verifyDocument({ kind: "tcb-info", text, signature, pem, parse: parseTcbInfo }, authority, cache);
}

/** As {@link verifyTcbInfo}. */
export function verifyQeIdentity(
  bundle: CollateralBundle,
  authority: Authority,
  cache: VerificationCache,
): SignedDocument<QeIdentity> {
  const { qe_identity: text, qe_identity_signature: signature, qe_identity_issuer_chain: pem } = bundle;
  return verifyDocument({ kind: "qe-identity", text, signature, pem, parse: parseQeIdentity }, authority, cache);
}

interface DocumentSource<T> {
  readonly kind: ChainKind;
  readonly text: string;
  readonly signature: string;
  readonly pem: string;
  readonly parse: (text: string) => T;
}

function verifyDocument<T>(
  { kind, text, signature, pem, parse }: DocumentSource<T>,
  { root, rootCrl }: Authority,
  cache: VerificationCache,
): SignedDocument<T> {
  const chain = collateralChain(kind, pem, cache);
  if (!isSameKey(chain.root, root)) {
    throw new CheckFailure("ERR_COLLATERAL_CHAIN", `${chain.what} ends in another root than the PCK chain`);
  }
  assertNotRevoked(chain.leaf, rootCrl, "root CA CRL");
  // The signature covers the text as it was delivered: it is verified before, and instead of, any re-serialisation.
  const document = cache.remember(kind, [pem, text, signature], () => {
    const bytes = Buffer.from(text, "utf8");
    if (!verifyP256(chain.leaf.publicKey, bytes, Buffer.from(signature, "hex"))) {
      throw new CheckFailure("ERR_COLLATERAL_SIGNATURE", `the document of the ${chain.what} has a wrong signature`);
    }
    return parse(text);
  });
  return { document, chain };
}

function collateralChain(kind: ChainKind, pem: string, cache: VerificationCache): Chain {
  return cache.remember(`chain ${kind}`, [pem], () => verifyChain(kind, pem, { code: "ERR_COLLATERAL_CHAIN", cache }));
}

function cachedCrl(
  { text, issuer, what }: { readonly text: string; readonly issuer: Certificate; readonly what: string },
  cache: VerificationCache,
): Crl {
  const issuerBytes = Buffer.from(issuer.raw).toString("latin1");
  return cache.remember(what, [text, issuerBytes], () => verifiedCrl(crlBytes(text, what), issuer, what));
}

/** Hexadecimal of DER, as most bundles have it, or PEM. */
function crlBytes(text: string, what: string): Buffer {
  const packed = text.trim();
  if (packed.startsWith("-----BEGIN")) return Buffer.from(packed, "latin1");
  if (/^(?:[0-9a-f]{2})+$/iu.test(packed)) return Buffer.from(packed, "hex");
  throw new CheckFailure("ERR_CRL", `${what} is neither hexadecimal nor PEM`);
}
