/** Collateral in the certificate itself, beside the evidence. @see CCC Interoperable RA-TLS, endorsements of tag 60000 */
import { InclavareError } from "@inclavare/errors";
import type { CollateralBundle } from "@inclavare/sgx";
import { type Certificate, fromPem } from "@inclavare/x509";
import { decodeTaggedCbor, encodeCbor, TAG_INTEL_QUOTE, untag, withTag } from "../cbor.ts";
import { CheckFailure, inStep } from "../check.ts";
import { type DocumentName, joinSignedBody, splitSignedBody } from "../dcap/signed-body.ts";
import { toPemText } from "../pem-text.ts";

/** The extension's value is the CBOR itself, as that of the evidence. */
export const ENDORSEMENTS_EXTENSION = "2.23.133.5.4.2";

const CODE = "ERR_EVIDENCE_FORMAT";
const WHAT = "endorsements extension";
const LIMIT_BYTES = 256 * 1024;
/** Version, TCB Info, its chain, PCK CRL, root CRL, their chain, QE Identity, its chain; and when they were put together. */
const MEMBERS = { least: 8, most: 9 };
/** Of Intel's structure of the same members (`sgx_ql_qve_collateral_t`), in which lists are hexadecimal. */
const VERSION = 3;

/**
 * The collateral that a certificate brings along, where it does.
 * @throws CheckFailure ERR_EVIDENCE_FORMAT for an extension that is not of its form
 */
export function decodeEndorsements({ extensions }: Pick<Certificate, "extensions">): CollateralBundle | undefined {
  const extension = extensions.get(ENDORSEMENTS_EXTENSION);
  if (extension === undefined) return undefined;
  const item = decodeTaggedCbor(extension.value, { code: CODE, what: WHAT, limitBytes: LIMIT_BYTES });
  // Producers put the tag of the evidence before the array, or leave it out.
  const list: unknown = untag(item, TAG_INTEL_QUOTE) ?? item;
  const isList = Array.isArray(list) && list.length >= MEMBERS.least && list.length <= MEMBERS.most;
  const [version, ...parts] = isList ? (list as readonly unknown[]) : [];
  const bytes = parts.slice(0, MEMBERS.least - 1).filter((part) => part instanceof Uint8Array);
  if (typeof version !== "number" || bytes.length !== MEMBERS.least - 1) {
    throw new CheckFailure(CODE, `the ${WHAT} is not [version, 7 byte strings, time of creation or nothing]`);
  }
  return inStep(CODE, WHAT, () => toBundle(bytes));
}

/** The reverse, with tag, and texts ended by NUL as readers in C expect them. */
export function encodeEndorsements(bundle: CollateralBundle): Uint8Array {
  const text = (value: string): Uint8Array => Buffer.from(`${value}\0`, "utf8");
  const signed = (document: string, signature: string, name: DocumentName): Uint8Array =>
    text(joinSignedBody({ text: document, signature }, name));
  const list = [
    VERSION,
    signed(bundle.tcb_info, bundle.tcb_info_signature, "tcbInfo"),
    text(bundle.tcb_info_issuer_chain),
    text(toHex(bundle.pck_crl, "PCK CRL")),
    text(toHex(bundle.root_ca_crl, "root CA CRL")),
    text(bundle.pck_crl_issuer_chain),
    signed(bundle.qe_identity, bundle.qe_identity_signature, "enclaveIdentity"),
    text(bundle.qe_identity_issuer_chain),
  ];
  return encodeCbor(withTag(TAG_INTEL_QUOTE, list));
}

function toHex(list: string, what: string): string {
  const [der = new Uint8Array(0)] = fromPem(toPemText(Buffer.from(list, "latin1"), "X509 CRL", what), "X509 CRL", what);
  return Buffer.from(der).toString("hex");
}

function toBundle(parts: readonly Uint8Array[]): CollateralBundle {
  const at = (index: number): Uint8Array => parts[index] ?? new Uint8Array(0);
  const text = (index: number): string => withoutNul(decodeText(at(index)));
  const list = (index: number, what: string): string => toPemText(trimNul(at(index)), "X509 CRL", what);
  const info = splitSignedBody(text(0), "tcbInfo");
  const identity = splitSignedBody(text(5), "enclaveIdentity");
  return {
    tcb_info: info.text,
    tcb_info_signature: info.signature,
    tcb_info_issuer_chain: text(1),
    pck_crl: list(2, "PCK CRL"),
    root_ca_crl: list(3, "root CA CRL"),
    pck_crl_issuer_chain: text(4),
    qe_identity: identity.text,
    qe_identity_signature: identity.signature,
    qe_identity_issuer_chain: text(6),
  };
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new InclavareError(CODE, `the ${WHAT} holds a text that is not UTF-8`, { cause });
  }
}

function withoutNul(text: string): string {
  return text.endsWith("\0") ? text.slice(0, -1) : text;
}

/** Of text only: the last byte of DER may well be zero. */
function trimNul(bytes: Uint8Array): Uint8Array {
  return bytes[0] !== 0x30 && bytes.at(-1) === 0 ? bytes.subarray(0, -1) : bytes;
}
