/** QE Identity: what a genuine quoting enclave looks like. @see Intel PCS API v4, "Get QE Identity", version 2 */
import type { EnclaveReport } from "@inclavare/sgx";
import * as v from "valibot";
import { CheckFailure } from "../check.ts";
import { enclaveLevel, type EnclaveLevel, hexBytes, parseDocument, periodMembers, u16 } from "./document.ts";

const MOST_LEVELS = 256;

export interface QeIdentity {
  /** `QE` quotes for SGX, `TD_QE` for TDX; `QVE` verifies and never quotes. */
  readonly id: "QE" | "TD_QE" | "QVE";
  readonly issueDate: Date;
  readonly nextUpdate: Date;
  readonly evaluationDataNumber: number;
  readonly miscSelect: number;
  readonly miscSelectMask: number;
  /** 16 bytes each: FLAGS, XFRM. */
  readonly attributes: Uint8Array;
  readonly attributesMask: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  /** Newest first. */
  readonly levels: readonly EnclaveLevel[];
}

const schema = v.object({
  id: v.picklist(["QE", "TD_QE", "QVE"]),
  version: v.literal(2),
  ...periodMembers,
  // Four bytes in the order of the report, where they are a little-endian integer.
  miscselect: hexBytes(4),
  miscselectMask: hexBytes(4),
  attributes: hexBytes(16),
  attributesMask: hexBytes(16),
  mrsigner: hexBytes(32),
  isvprodid: u16,
  tcbLevels: v.pipe(v.array(enclaveLevel), v.minLength(1), v.maxLength(MOST_LEVELS)),
});

/** @throws CheckFailure ERR_COLLATERAL_CONTENT */
export function parseQeIdentity(text: string): QeIdentity {
  const document = parseDocument(text, schema, "QE Identity");
  return {
    id: document.id,
    issueDate: document.issueDate,
    nextUpdate: document.nextUpdate,
    evaluationDataNumber: document.tcbEvaluationDataNumber,
    miscSelect: document.miscselect.readUInt32LE(),
    miscSelectMask: document.miscselectMask.readUInt32LE(),
    attributes: document.attributes,
    attributesMask: document.attributesMask,
    mrSigner: document.mrsigner,
    isvProdId: document.isvprodid,
    levels: document.tcbLevels,
  };
}

/**
 * Compares a quoting enclave's report with the identity; its version is for `selectEnclaveLevel`.
 * @throws CheckFailure ERR_QE_IDENTITY
 */
export function assertQeIdentity(report: EnclaveReport, identity: QeIdentity): void {
  const miscSelect = (report.miscSelect & identity.miscSelectMask) >>> 0;
  compare("MISCSELECT", hex32(miscSelect), hex32(identity.miscSelect));
  const attributes = encodeAttributes(report).map((byte, index) => byte & (identity.attributesMask[index] ?? 0xff));
  compare("ATTRIBUTES", hex(attributes), hex(identity.attributes));
  compare("MRSIGNER", hex(report.mrSigner), hex(identity.mrSigner));
  compare("ISVPRODID", String(report.isvProdId), String(identity.isvProdId));
}

function encodeAttributes({ attributes }: EnclaveReport): Uint8Array {
  const bytes = Buffer.alloc(16);
  bytes.writeBigUInt64LE(attributes.flags, 0);
  bytes.writeBigUInt64LE(attributes.xfrm, 8);
  return bytes;
}

function compare(field: string, actual: string, expected: string): void {
  if (actual === expected) return;
  throw new CheckFailure("ERR_QE_IDENTITY", `${field} of the QE report is not that of QE Identity`, {
    expected,
    actual,
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, "0");
}
