/** Attestation reports of SEV and SEV-ES, before SEV-SNP: told apart, and refused. @see AMD 55766, SEV API, ATTESTATION */
import { CheckFailure } from "./check.ts";

const POLICY_OFFSET = 0x30;
const POLICY_ES = 1 << 2;

/** @param report 208 bytes. */
export function teeOfSevReport(report: Uint8Array): "sev" | "sev-es" {
  const view = new DataView(report.buffer, report.byteOffset, report.byteLength);
  return (view.getUint32(POLICY_OFFSET, true) & POLICY_ES) === 0 ? "sev" : "sev-es";
}

/** Why such a report proves too little. @throws CheckFailure ERR_EVIDENCE_UNSUPPORTED */
export function refuseSevReport(report: Uint8Array): never {
  const name = teeOfSevReport(report).toUpperCase();
  throw new CheckFailure(
    "ERR_EVIDENCE_UNSUPPORTED",
    `a report of ${name} is made by the host and covers the launch alone: the guest has no say in it, so that it binds no key and no nonce of the guest's, and the memory is not protected against replay`,
    { expected: "a report of SEV-SNP", actual: `a report of ${name}` },
  );
}
