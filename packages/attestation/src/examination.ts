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

/** Which machine evidence comes from, as far as it says. Lower-case hex. */
export interface PlatformIdentity {
  /** Intel's platform type, 6 bytes. */
  readonly fmspc?: string;
  /** What tells this machine from all others: CHIP_ID, platform instance id and PPID, Arm's instance id. */
  readonly ids: readonly string[];
}

/** What the room of one TEE found out about evidence; as far as it got, where a check failed. */
export interface Examination {
  readonly tee: Tee;
  readonly measurement: MeasurementVerdict | null;
  readonly tcb: TcbVerdict | null;
  /** 64 bytes that the attester chose; `undefined` where the evidence could not be decoded. */
  readonly reportData: Uint8Array | undefined;
  readonly periods: readonly CollateralPeriod[];
  /** The chains of the evidence's own keys, which must be valid now, whatever the policy allows. */
  readonly chains: readonly CollateralPeriod[];
  readonly platform: PlatformIdentity;
  readonly conditions: readonly Condition[];
  /** SubjectPublicKeyInfo (DER) of a key that evidence or certificate speaks of, where the key itself came along. */
  readonly boundKey?: Uint8Array;
  /** Every decoded field, for the verdict; made on demand. */
  readonly claims: () => Readonly<Record<string, JsonValue>>;
}

/** What is known of bytes that could not be decoded. */
export function examinedNothing(tee: Tee): Examination {
  return {
    tee,
    measurement: null,
    tcb: null,
    reportData: undefined,
    periods: [],
    chains: [],
    platform: { ids: [] },
    conditions: [],
    claims: () => ({}),
  };
}

/** Evidence whose checks have all passed: true at the time of its verification, which is not yet to say wanted. */
export interface VerifiedEvidence extends Examination {
  readonly measurement: MeasurementVerdict;
  readonly reportData: Uint8Array;
  readonly checks: readonly Check[];
  /** The claims buffer that the report data binds, where one came with the evidence. */
  readonly boundClaims?: Claims;
}
