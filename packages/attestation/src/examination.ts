import type { JsonValue } from "@inclavare/errors";
import type { Check } from "./check.ts";
import type { Claims } from "./claims.ts";
import type { Condition } from "./condition.ts";
import type { Tee } from "./evidence.ts";
import type { MeasurementVerdict } from "./measurement.ts";
import type { TcbVerdict } from "./verdict.ts";

/** How long a piece of collateral counts. */
export interface CollateralPeriod {
  /** Such as `TCB Info`. */
  readonly what: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
}

/** What the room of one TEE found out about evidence; as far as it got, where a check failed. */
export interface Examination {
  readonly tee: Tee;
  readonly measurement: MeasurementVerdict | null;
  readonly tcb: TcbVerdict | null;
  /** 64 bytes that the attester chose; `undefined` where the evidence could not be decoded. */
  readonly reportData: Uint8Array | undefined;
  readonly periods: readonly CollateralPeriod[];
  readonly conditions: readonly Condition[];
  /** Every decoded field, for the verdict; made on demand. */
  readonly claims: () => Readonly<Record<string, JsonValue>>;
}

/** What is known of bytes that could not be decoded. */
export function examinedNothing(tee: Tee): Examination {
  return { tee, measurement: null, tcb: null, reportData: undefined, periods: [], conditions: [], claims: () => ({}) };
}

/** Evidence whose checks have all passed: true at the time of its verification, which is not yet to say wanted. */
export interface VerifiedEvidence extends Examination {
  readonly measurement: MeasurementVerdict;
  readonly reportData: Uint8Array;
  readonly checks: readonly Check[];
  /** The claims buffer that the report data binds, where one came with the evidence. */
  readonly boundClaims?: Claims;
}
