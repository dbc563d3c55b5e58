/** The signed documents of a collateral bundle, each verified from its exact bytes. */
import type { CollateralBundle } from "@inclavare/sgx";
import { type Certificate, type Crl, EXTENSION } from "@inclavare/x509";
import { CheckFailure } from "../check.ts";
import { isSameKey } from "../trust-anchors.ts";
import { type Chain, type ChainKind, type Known, verifyChain } from "./chain.ts";
import { assertNotRevoked, verifiedCrl } from "./crl.ts";
import { compactJson } from "./document.ts";
import { verifyP256 } from "./p256.ts";
import { parseQeIdentity, type QeIdentity } from "./qe-identity.ts";
import { parseTcbInfo, type TcbInfo } from "./tcb-info.ts";

const PEM = "-----BEGIN";
const DER_SEQUENCE = 0x30;
const SIGNATURE = /^[0-9a-f]{128}$/iu;

/** The certificates of the PCK chain, which everything else must agree with. */
export interface Issuers {
  readonly root: Certificate;
  readonly pckIssuer: Certificate;
}

/** @throws CheckFailure ERR_CRL; ERR_CERTIFICATE_REVOKED where it lists the PCK's issuer */
export function verifyRootCrl(bundle: CollateralBundle, { root, pckIssuer }: Issuers, known: Known): Crl {
  const what = "root CA CRL";
  const crl = cachedCrl({ text: bundle.root_ca_crl, issuer: root, what }, known);
  assertNotRevoked(pckIssuer, crl, what);
  return crl;
}

/** @throws CheckFailure ERR_CRL, ERR_COLLATERAL_CHAIN; ERR_CERTIFICATE_REVOKED where it lists the PCK certificate */
export function verifyPckCrl(
  bundle: CollateralBundle,
  pck: { readonly chain: Chain; readonly rootCrl: Crl },
  known: Known,
): Crl {
  const what = "PCK CRL";
  const { leaf, issuer, root } = pck.chain;
  const chain = collateralChain("pck-crl", bundle.pck_crl_issuer_chain, known);
  if (!isSameKey(chain.leaf, issuer) || !isSameKey(chain.root, root)) {
    throw new CheckFailure("ERR_COLLATERAL_CHAIN", `${chain.what} is not that of the PCK certificate`, {
      expected: issuer.subject.text,
      actual: chain.leaf.subject.text,
    });
  }
  assertNotRevoked(chain.leaf, pck.rootCrl, "root CA CRL");
  const crl = cachedCrl({ text: bundle.pck_crl, issuer, what }, known);
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
export function verifyTcbInfo(bundle: CollateralBundle, authority: Authority, known: Known): SignedDocument<TcbInfo> {
  const { tcb_info: text, tcb_info_signature: signature, tcb_info_issuer_chain: pem } = bundle;
  return verifyDocument({ what: "TCB Info", text, signature, pem, parse: parseTcbInfo }, authority, known);
}

/** As {@link verifyTcbInfo}. */
export function verifyQeIdentity(
  bundle: CollateralBundle,
  authority: Authority,
  known: Known,
): SignedDocument<QeIdentity> {
  const { qe_identity: text, qe_identity_signature: signature, qe_identity_issuer_chain: pem } = bundle;
  return verifyDocument({ what: "QE Identity", text, signature, pem, parse: parseQeIdentity }, authority, known);
}

interface DocumentSource<T> {
  readonly what: string;
  readonly text: string;
  /** In hexadecimal. */
  readonly signature: string;
  readonly pem: string;
  readonly parse: (text: string) => T;
}

function verifyDocument<T>(
  { what, text, signature, pem, parse }: DocumentSource<T>,
  { root, rootCrl }: Authority,
  known: Known,
): SignedDocument<T> {
  const chain = collateralChain("tcb-signing", pem, known);
  if (!isSameKey(chain.root, root)) {
    throw new CheckFailure("ERR_COLLATERAL_CHAIN", `${chain.what} ends in another root than the PCK chain`);
  }
  assertNotRevoked(chain.leaf, rootCrl, "root CA CRL");
  const document = known.cache.remember(what, [text, signature, pem], () => {
    const bytes = SIGNATURE.test(signature) ? Buffer.from(signature, "hex") : Buffer.alloc(0);
    const isSigned = (candidate: string): boolean => verifyP256(chain.leaf.publicKey, Buffer.from(candidate), bytes);
    // What is parsed is exactly what is signed. The vendor signs text without white space between its tokens; where a
    // tool has put some in, the text without it is what has to verify.
    if (isSigned(text)) return parse(text);
    const compact = compactJson(text);
    if (compact !== text && isSigned(compact)) return parse(compact);
    throw new CheckFailure("ERR_COLLATERAL_SIGNATURE", `${what} has a wrong signature`);
  });
  return { document, chain };
}

function collateralChain(kind: ChainKind, pem: string, known: Known): Chain {
  const code = "ERR_COLLATERAL_CHAIN";
  return known.cache.remember(`chain ${kind}`, [pem], () => verifyChain(kind, pem, { code, ...known }));
}

function cachedCrl(
  { text, issuer, what }: { readonly text: string; readonly issuer: Certificate; readonly what: string },
  known: Known,
): Crl {
  const issuerBytes = Buffer.from(issuer.raw).toString("latin1");
  return known.cache.remember(what, [text, issuerBytes], () =>
    assertProfile(verifiedCrl(crlBytes(text, what), issuer, what), what),
  );
}

/** @see Intel SGX PCK Certificate and CRL Profile Specification, section 1.4: a list's number and its issuer's key */
function assertProfile(crl: Crl, what: string): Crl {
  const { crlNumber, authorityKeyId } = EXTENSION;
  if (crl.extensions.has(crlNumber) && crl.extensions.has(authorityKeyId)) return crl;
  throw new CheckFailure("ERR_CRL", `${what} lacks an extension that its profile demands`, {
    expected: "CRL number and authority key identifier",
    actual: [...crl.extensions.keys()].join(", "),
  });
}

/**
 * Hexadecimal of DER, as most bundles have it, or PEM; a NUL at the end as C producers write it. What a tool has written as
 * a list of bytes comes as hexadecimal of any of these.
 */
function crlBytes(text: string, what: string): Buffer {
  const packed = text.replaceAll("\0", "").trim();
  if (packed.startsWith(PEM)) return Buffer.from(packed, "latin1");
  const bytes = fromHex(packed);
  if (bytes === undefined) throw new CheckFailure("ERR_CRL", `${what} is neither hexadecimal nor PEM`);
  const inner = bytes.toString("latin1").replaceAll("\0", "").trim();
  if (bytes[0] === DER_SEQUENCE) return bytes;
  return inner.startsWith(PEM) ? Buffer.from(inner, "latin1") : (fromHex(inner) ?? bytes);
}

/** `undefined` for anything else; what is no hexadecimal ends the bytes early. */
function fromHex(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, "hex");
  return bytes.length > 0 && 2 * bytes.length === text.length ? bytes : undefined;
}
