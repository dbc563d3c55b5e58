/** Evidence that cannot be believed: form, signatures, chains, what the vendor has revoked. */
import type { AdviceTable } from "./advice.ts";

const FORGED = "Whoever sent it may have made it up: nothing that it says can be relied on.";
const SAVE_IT = "Do not trust the sender. Get fresh evidence; if it fails again, keep it and look into the machine.";
const READ_AGAIN = "Get the file again, unchanged: no text conversion, nothing before or after it.";
const GET_CHAIN = "Get the chain anew from the vendor's service, for this very platform.";
const NEW_COLLATERAL = "Get the collateral anew from the vendor's service; do not edit or convert it on the way.";

export const evidenceAdvice = {
  ERR_EVIDENCE_FORMAT: {
    means: "The bytes are damaged, cut, or of something else than evidence.",
    todo: READ_AGAIN,
  },
  ERR_EVIDENCE_UNSUPPORTED: {
    means: "It is evidence of a kind that proves too little, or that this release does not verify.",
    todo: "Use a TEE that is supported (SGX, TDX, SEV-SNP, CCA, PSA, Nitro), or a release that knows this kind.",
  },
  ERR_QUOTE_FORMAT: { means: "The quote is damaged or cut.", todo: READ_AGAIN },
  ERR_QUOTE_VERSION: {
    means: "The quote is of a version or a TEE that this release does not read.",
    todo: "Use a quoting library that makes versions 3 to 5, or a release that knows this version.",
  },
  ERR_QUOTE_SIGNATURE: { means: `The quote was changed after it was signed. ${FORGED}`, todo: SAVE_IT },
  ERR_QE_REPORT_SIGNATURE: {
    means: `The platform's certified key did not sign the quoting enclave's report. ${FORGED}`,
    todo: SAVE_IT,
  },
  ERR_QE_REPORT_DATA: {
    means: `The quoting enclave does not know the key that signed the quote. ${FORGED}`,
    todo: SAVE_IT,
  },
  ERR_QE_IDENTITY: {
    means: "The quote was signed by an enclave that is not the vendor's quoting enclave.",
    todo: "Install the vendor's quoting enclave on the machine, and check that the collateral is of the same TEE.",
  },
  ERR_PCK_CHAIN: {
    means: "Nobody whom Intel certified vouches for the platform: its certificate chain is broken.",
    todo: GET_CHAIN,
  },
  ERR_PCK_TIME: {
    means: "A certificate of the platform is not valid at the time of verification.",
    todo: "Check the clock or --time; otherwise let the machine fetch a new PCK certificate.",
  },
  ERR_TRUST_ANCHOR: {
    means: "The chain ends in a root that you do not trust: it may be anybody's.",
    todo: "If it is a root of your own (such as the simulated platform's), give it with --trust; otherwise do not trust the sender.",
  },
  ERR_CERTIFICATE_REVOKED: {
    means: "The vendor has withdrawn a certificate of this platform: its keys may be in other hands.",
    todo: "Take the machine out of service and ask its owner or vendor; no policy can allow it.",
  },
  ERR_CRL: {
    means: "The list of revoked certificates is broken or another authority's, so it proves nothing.",
    todo: "Get the list anew from the vendor's service.",
  },
  ERR_COLLATERAL_CHAIN: {
    means: "The vendor's statements about the platform are signed by a chain that does not hold.",
    todo: NEW_COLLATERAL,
  },
  ERR_COLLATERAL_SIGNATURE: {
    means: "TCB Info or QE Identity was changed after the vendor signed it.",
    todo: NEW_COLLATERAL,
  },
  ERR_COLLATERAL_CONTENT: {
    means: "The vendor's statement is signed, and its content breaks the rules of its format.",
    todo: "Get the collateral in a version that this release reads (TCB Info 2 or 3, QE Identity 2), or a newer release.",
  },
  ERR_COLLATERAL_MISMATCH: {
    means: "The collateral is about another kind of platform, so it says nothing about this one.",
    todo: "Get collateral for the FMSPC and the TEE of this evidence.",
  },
  ERR_TCB_NOT_SUPPORTED: {
    means: "The firmware is so old that the vendor no longer says how secure it is.",
    todo: "Update firmware (BIOS, microcode, TDX module) and the quoting enclave, then attest again.",
  },
  ERR_TCB_REVOKED: {
    means: "The vendor says that platforms with this firmware are broken.",
    todo: "Update the firmware and have the platform certified anew; no policy can allow it before.",
  },
  ERR_TDX_MODULE: {
    means: "The TDX module that guards the guest is none that Intel has signed and lists.",
    todo: "Load a TDX module of Intel's on the machine, and check that the collateral is current.",
  },
  ERR_SNP_CHAIN: {
    means: "Nobody whom AMD certified vouches for the processor: its certificate chain is broken.",
    todo: "Get the VCEK or VLEK and its chain from AMD's key service, for this chip and its reported TCB.",
  },
  ERR_SNP_TIME: {
    means: "A certificate of the processor is not valid at the time of verification.",
    todo: "Check the clock or --time; otherwise get the certificates anew from AMD's key service.",
  },
  ERR_SNP_PRODUCT: {
    means: "Report and certificate are of different processors, or of one that is not known here.",
    todo: "Get the certificate for the product that the report names.",
  },
  ERR_SNP_SIGNING_KEY: {
    means: "The report was signed with another kind of key (VCEK or VLEK) than the one given, or with none.",
    todo: "Give the certificate of the kind that the report names.",
  },
  ERR_SNP_SIGNATURE: {
    means: `The processor's key did not sign this report. ${FORGED}`,
    todo: "Make sure that the certificate is of this chip and its reported TCB; if it is, do not trust the sender.",
  },
  ERR_SNP_TCB: {
    means: "The key was made for another firmware than the report speaks of.",
    todo: "Get the VCEK for REPORTED_TCB of this very report; firmware may have been updated in between.",
  },
  ERR_SNP_CHIP_ID: {
    means: "The key is another chip's.",
    todo: "Get the VCEK for the CHIP_ID of this very report.",
  },
  ERR_TOKEN_SIGNATURE: {
    means: `No key that you trust has signed it. ${FORGED}`,
    todo: "Give the key of this very platform with --trust; if it is the right one, do not trust the sender.",
  },
  ERR_REALM_KEY: {
    means: "The platform vouches for another realm than the one that speaks: two tokens were put together.",
    todo: SAVE_IT,
  },
  ERR_NITRO_CHAIN: {
    means: "Nobody whom AWS certified vouches for the enclave: its certificate chain is broken.",
    todo: SAVE_IT,
  },
  ERR_NITRO_TIME: {
    means: "The document or a certificate of its chain is not valid at the time of verification; they last for hours.",
    todo: "Have the enclave make a new document, or verify an old one as of its own time (--time).",
  },
  ERR_DER: { means: "A certificate or list is damaged.", todo: READ_AGAIN },
  ERR_PEM: { means: "A file holds no whole PEM block of the kind that is needed.", todo: READ_AGAIN },
  ERR_X509_ALGORITHM: {
    means: "A certificate is signed with an algorithm that is not supported, because nobody should use it.",
    todo: GET_CHAIN,
  },
  ERR_X509_EXTENSION: { means: "A certificate or list has a malformed or repeated extension.", todo: GET_CHAIN },
  ERR_X509_FORMAT: { means: "A certificate or list breaks the rules of its format.", todo: GET_CHAIN },
  ERR_X509_KEY: { means: "The public key of a certificate cannot be read.", todo: GET_CHAIN },
} as const satisfies AdviceTable;
