/** Encoding of quotes of version 3, as the simulated platform's quoting enclave makes them. */
import { encodeFixed, putBytes } from "./bytes.ts";
import { INTEL_VENDOR_ID, type Quote, type QuoteHeader } from "./quote.ts";
import { REPORT_BODY_BYTES } from "./report.ts";

const HEADER_BYTES = 48;
const SIGNED_BYTES = HEADER_BYTES + REPORT_BODY_BYTES;
const FIXED_AUTH_BYTES = 584;

export type QuoteParts = Pick<
  Quote,
  "signature" | "attestationKey" | "qeReportBytes" | "qeReportSignature" | "qeAuthData" | "certificationData"
> & { readonly signedBytes: Uint8Array };

/** The 432 bytes that the attestation key signs. */
export function encodeQuoteSignedPart(
  header: Pick<QuoteHeader, "qeSvn" | "pceSvn" | "userData">,
  reportBody: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return encodeFixed(SIGNED_BYTES, "quote header", (out) => {
    out.writeUInt16LE(3, 0);
    out.writeUInt16LE(2, 2);
    out.writeUInt16LE(header.qeSvn, 8);
    out.writeUInt16LE(header.pceSvn, 10);
    out.write(INTEL_VENDOR_ID, 12, "hex");
    putBytes(out, 28, header.userData, 20, "user data");
    putBytes(out, HEADER_BYTES, reportBody, REPORT_BODY_BYTES, "report body");
  });
}

/** @throws ERR_SGX_SIZE for a part of another size. */
export function encodeQuoteV3(parts: QuoteParts): Uint8Array<ArrayBuffer> {
  const { qeAuthData, certificationData } = parts;
  const authBytes = FIXED_AUTH_BYTES + qeAuthData.length + certificationData.data.length;
  return encodeFixed(SIGNED_BYTES + 4 + authBytes, "quote", (out) => {
    putBytes(out, 0, parts.signedBytes, SIGNED_BYTES, "signed part of the quote");
    out.writeUInt32LE(authBytes, SIGNED_BYTES);
    const auth = out.subarray(SIGNED_BYTES + 4);
    putBytes(auth, 0, parts.signature, 64, "quote signature");
    putBytes(auth, 64, parts.attestationKey, 64, "attestation key");
    putBytes(auth, 128, parts.qeReportBytes, REPORT_BODY_BYTES, "QE report");
    putBytes(auth, 512, parts.qeReportSignature, 64, "QE report signature");
    auth.writeUInt16LE(qeAuthData.length, 576);
    auth.set(qeAuthData, 578);
    const certification = auth.subarray(578 + qeAuthData.length);
    certification.writeUInt16LE(certificationData.type, 0);
    certification.writeUInt32LE(certificationData.data.length, 2);
    certification.set(certificationData.data, 6);
  });
}
