/** The collateral of an SGX or TDX quote. */
import { type InclavareError, isInclavareError } from "@inclavare/errors";
import { type CollateralBundle, decodeQuoteEnvelope, type QuoteEnvelope } from "@inclavare/sgx";
import { type Certificate, parseCertificate } from "@inclavare/x509";
import { VerificationCache } from "../cache.ts";
import { CheckFailure } from "../check.ts";
import { verifyPckChain } from "../dcap/pck.ts";
import { readPckExtensions } from "../dcap/pck-extensions.ts";
import { anchorsFor, findTrustAnchor } from "../trust-anchors.ts";
import type { Admitted } from "./admit.ts";
import type { PlatformIdentifier, TcbChannel } from "./artefact.ts";
import { obtain, type Places } from "./obtain.ts";
import { splitSignedBody } from "../dcap/signed-body.ts";

const PPID_CLEAR = 1;
const PPID_RSA_2048 = 2;
const PPID_RSA_3072 = 3;
const LEAF_ONLY = 4;
const WHOLE_CHAIN = 5;
const PPID_BYTES: Readonly<Record<number, number>> = { [PPID_CLEAR]: 16, [PPID_RSA_2048]: 256, [PPID_RSA_3072]: 384 };
const QE_ID_BYTES = 16;

interface Resolved {
  readonly collateral?: CollateralBundle;
  readonly sourceFailures: readonly InclavareError[];
}

/** @throws InclavareError for a quote that no collateral could save */
export async function resolveDcapCollateral(
  quoteBytes: Uint8Array,
  places: Places & { readonly channel: TcbChannel },
): Promise<Resolved> {
  const quote = decodeQuoteEnvelope(quoteBytes);
  const platform = await findPlatform(quote, places);
  if ("failure" in platform) return { sourceFailures: [platform.failure] };
  const { leaf, pckChain } = platform;
  const { tee } = quote;
  const { channel } = places;
  const fmspc = Buffer.from(readPckExtensions(leaf).fmspc).toString("hex");
  const ca = leaf.issuer.commonName?.endsWith("Platform CA") === true ? "platform" : "processor";
  const outcomes = await Promise.allSettled([
    obtain({ kind: "tcb-info", tee, fmspc, channel }, places),
    obtain({ kind: "qe-identity", tee, channel }, places),
    obtain({ kind: "pck-crl", ca }, places),
    obtain({ kind: "root-crl" }, places),
  ]);
  const sourceFailures = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [ours(outcome.reason)] : []));
  const [tcbInfo, qeIdentity, pckCrl, rootCrl] = outcomes.map((outcome) =>
    outcome.status === "fulfilled" ? outcome.value : undefined,
  );
  if (tcbInfo === undefined || qeIdentity === undefined || pckCrl === undefined || rootCrl === undefined) {
    return { sourceFailures };
  }
  const chain = pckChain === undefined ? {} : { pck_certificate_chain: pckChain };
  return { collateral: { ...toBundle({ tcbInfo, qeIdentity, pckCrl, rootCrl }), ...chain }, sourceFailures };
}

interface Platform {
  readonly leaf: Certificate;
  /** PEM; where the quote has none. */
  readonly pckChain?: string;
}

/** Whose quote it is. Only a chain that ends in a trusted root makes us ask anybody for more. */
async function findPlatform(quote: QuoteEnvelope, places: Places): Promise<Platform | { failure: InclavareError }> {
  const { type, data } = quote.certificationData;
  const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString("latin1");
  if (type === LEAF_ONLY) return { leaf: parseCertificate(text.replaceAll("\0", ""), "PCK certificate") };
  if (type === WHOLE_CHAIN) {
    const anchors = anchorsFor("Intel", places.cache.trustAnchors);
    const { chain } = verifyPckChain(text, { cache: new VerificationCache(), anchors });
    if (findTrustAnchor(chain.root, anchors) !== undefined) {
      return { leaf: chain.leaf };
    }
    throw new CheckFailure("ERR_TRUST_ANCHOR", "the quote's chain ends in a root that is not trusted");
  }
  try {
    const request = { kind: "pck-certificate", platform: readIdentifier(quote) } as const;
    const { body, issuerChain = "" } = await obtain(request, places);
    return { leaf: parseCertificate(body, "PCK certificate"), pckChain: `${body}${issuerChain}` };
  } catch (error) {
    return { failure: ours(error) };
  }
}

/** Certification data 1 to 3: PPID, CPUSVN, PCESVN, PCEID. @see Intel SGX ECDSA QuoteLibReference, appendix A.4 */
function readIdentifier({ header, certificationData: { type, data } }: QuoteEnvelope): PlatformIdentifier {
  const ppidBytes = PPID_BYTES[type];
  if (ppidBytes === undefined || data.length !== ppidBytes + 20) {
    throw new CheckFailure("ERR_COLLATERAL_MISSING", `certification data of type ${type} name no platform`, {
      expected: ppidBytes === undefined ? "type 1 to 5" : `${ppidBytes + 20} bytes`,
      actual: `${data.length} bytes`,
    });
  }
  const hex = (from: number, sizeBytes: number): string =>
    Buffer.from(data.subarray(from, from + sizeBytes)).toString("hex");
  return {
    ...(type === PPID_CLEAR ? {} : { encryptedPpid: hex(0, ppidBytes) }),
    qeId: Buffer.from(header.userData.subarray(0, QE_ID_BYTES)).toString("hex"),
    cpuSvn: hex(ppidBytes, 16),
    pceSvn: hex(ppidBytes + 16, 2),
    pceId: hex(ppidBytes + 18, 2),
  };
}

interface Parts {
  readonly tcbInfo: Admitted;
  readonly qeIdentity: Admitted;
  readonly pckCrl: Admitted;
  readonly rootCrl: Admitted;
}

function toBundle({ tcbInfo, qeIdentity, pckCrl, rootCrl }: Parts): CollateralBundle {
  const info = splitSignedBody(tcbInfo.body, "tcbInfo");
  const identity = splitSignedBody(qeIdentity.body, "enclaveIdentity");
  return {
    pck_crl_issuer_chain: pckCrl.issuerChain ?? "",
    root_ca_crl: rootCrl.body,
    pck_crl: pckCrl.body,
    tcb_info_issuer_chain: tcbInfo.issuerChain ?? "",
    tcb_info: info.text,
    tcb_info_signature: info.signature,
    qe_identity_issuer_chain: qeIdentity.issuerChain ?? "",
    qe_identity: identity.text,
    qe_identity_signature: identity.signature,
  };
}

/** Errors of ours are for the verdict; faults are thrown. */
function ours(thrown: unknown): InclavareError {
  if (isInclavareError(thrown)) return thrown;
  throw thrown;
}
