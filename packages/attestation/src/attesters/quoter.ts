/** What makes evidence over report data, whatever the TEE; an `Attester` is one that also knows what it is evidence of. */
import { InclavareError } from "@inclavare/errors";
import type { Evidence, Tee } from "../evidence.ts";

export const REPORT_DATA_BYTES = 64;

export interface Quoter {
  readonly tee: Tee;
  /**
   * @param reportData exactly 64 bytes, which the evidence carries.
   * @throws InclavareError ERR_EVIDENCE_UNBOUND where the evidence would not carry them, and the reasons of its source
   */
  evidence(reportData: Uint8Array): Promise<Evidence>;
}

/** @throws InclavareError ERR_EVIDENCE_UNBOUND: nothing can be bound to other report data than this */
export function expectReportData(reportData: Uint8Array): void {
  if (reportData.length === REPORT_DATA_BYTES) return;
  const message = `report data has ${reportData.length} bytes, expected ${REPORT_DATA_BYTES}`;
  throw new InclavareError("ERR_EVIDENCE_UNBOUND", message);
}

/**
 * What came back must carry what was asked for: whoever makes the evidence is not trusted to have done so.
 * @throws InclavareError ERR_EVIDENCE_UNBOUND
 */
export function assertCarries(actual: Uint8Array, reportData: Uint8Array, what: string): void {
  if (Buffer.compare(actual, reportData) === 0) return;
  throw new InclavareError("ERR_EVIDENCE_UNBOUND", `${what} carries other report data than it was asked for`, {
    details: { expected: Buffer.from(reportData).toString("hex"), actual: Buffer.from(actual).toString("hex") },
  });
}
