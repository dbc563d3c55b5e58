/** The fields that every quote has, under the names that Intel's documents give them. */
import type { JsonValue } from "@inclavare/errors";
import type { EnclaveReport, QuoteEnvelope } from "@inclavare/sgx";
import type { PckExtensions } from "./pck-extensions.ts";

export type Fields = Readonly<Record<string, JsonValue>>;

/** Header, QE report and platform, as groups of their own. */
export function describeEnvelope(quote: QuoteEnvelope, pck: PckExtensions | undefined): Fields {
  const { header, qeReport, qeAuthData, certificationData } = quote;
  return {
    header: {
      VERSION: header.version,
      ATT_KEY_TYPE: header.attestationKeyType,
      TEE_TYPE: header.teeType,
      QE_SVN: header.qeSvn,
      PCE_SVN: header.pceSvn,
      QE_VENDOR_ID: hex(header.qeVendorId),
      USER_DATA: hex(header.userData),
    },
    attestationKey: hex(quote.attestationKey),
    qeReport: describeReport(qeReport),
    qeAuthData: hex(qeAuthData),
    certificationDataType: certificationData.type,
    ...(pck === undefined ? {} : { pckCertificate: describePck(pck) }),
  };
}

/** The report of an enclave. */
export function describeReport(report: EnclaveReport): Fields {
  return {
    CPUSVN: hex(report.cpuSvn),
    MISCSELECT: word(report.miscSelect, 4),
    CET_ATTRIBUTES: word(report.cetAttributes, 1),
    ISVEXTPRODID: hex(report.isvExtProdId),
    "ATTRIBUTES.FLAGS": word(report.attributes.flags, 8),
    "ATTRIBUTES.XFRM": word(report.attributes.xfrm, 8),
    MRENCLAVE: hex(report.mrEnclave),
    MRSIGNER: hex(report.mrSigner),
    CONFIGID: hex(report.configId),
    ISVPRODID: report.isvProdId,
    ISVSVN: report.isvSvn,
    CONFIGSVN: report.configSvn,
    ISVFAMILYID: hex(report.isvFamilyId),
    REPORTDATA: hex(report.reportData),
  };
}

function describePck({ ppid, tcb, cpuSvn, pceId, fmspc, sgxType, ...platform }: PckExtensions): Fields {
  const { platformInstanceId, configuration } = platform;
  return {
    PPID: hex(ppid),
    FMSPC: hex(fmspc),
    PCEID: hex(pceId),
    CPUSVN: hex(cpuSvn),
    PCESVN: tcb.pceSvn,
    "SGX TCB components": tcb.components,
    "SGX type": sgxType,
    ...(platformInstanceId === undefined ? {} : { "platform instance id": hex(platformInstanceId) }),
    ...(configuration === undefined ? {} : { configuration: { ...configuration } }),
  };
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** An integer as the hexadecimal number that it is, most significant digit first. */
export function word(value: number | bigint, sizeBytes: number): string {
  return `0x${value.toString(16).padStart(2 * sizeBytes, "0")}`;
}
