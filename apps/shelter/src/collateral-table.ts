/** Artefacts of collateral as the commands show them: what, until when, from where. */
import type { TrustAnchor } from "@inclavare/attestation";
import { admitArtefact, type Artefact, describeRequest, isCurrent } from "@inclavare/attestation/collateral";
import { type Output, printJson, printTable } from "@inclavare/cli";
import { type InclavareError, isInclavareError } from "@inclavare/errors";

export interface ArtefactRow {
  readonly artefact: string;
  /** ISO 8601; left out for what was not admitted, as the next two. */
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly evaluationDataNumber?: number;
  readonly state: "current" | "expired" | "not yet valid" | "rejected";
  /** Why it was rejected. */
  readonly code?: InclavareError["code"];
  readonly reason?: string;
  readonly origin: string;
}

export function toRow(artefact: Artefact, trustAnchors: readonly TrustAnchor[], now: Date): ArtefactRow {
  const { origin, request } = artefact;
  const named = { artefact: describeRequest(request), origin };
  try {
    const admitted = admitArtefact(artefact, trustAnchors);
    const { notBefore, notAfter, evaluationDataNumber: number } = admitted;
    return {
      ...named,
      notBefore: notBefore.toISOString(),
      notAfter: notAfter.toISOString(),
      ...(number === undefined ? {} : { evaluationDataNumber: number }),
      state: isCurrent(admitted, now) ? "current" : now > notAfter ? "expired" : "not yet valid",
    };
  } catch (error) {
    if (!isInclavareError(error)) throw error;
    const reason = isInclavareError(error.cause) ? error.cause.message : error.message;
    return { ...named, state: "rejected", code: error.code, reason };
  }
}

export function printArtefacts(output: Output, rows: readonly ArtefactRow[], form: string | undefined): void {
  if (form === "json") {
    printJson(output, rows);
    return;
  }
  const cells = rows.map((row) => {
    const state = row.reason === undefined ? row.state : `${row.state}: ${row.reason}`;
    return [row.artefact, row.notAfter ?? "-", String(row.evaluationDataNumber ?? "-"), row.origin, state];
  });
  printTable(output, [["ARTEFACT", "COUNTS UNTIL", "EVALUATION", "ORIGIN", "STATE"], ...cells]);
}
