import { ERROR_CODES, type JsonValue, toExitCode, type VerificationCause } from "@inclavare/errors";
import type { Check } from "./check.ts";
import type { TcbStatus } from "./dcap/tcb-status.ts";
import type { Tee } from "./evidence.ts";
import type { MeasurementVerdict } from "./measurement.ts";
import type { SnpProduct, SnpTcb } from "./snp/product.ts";

/** How current an Intel platform is, as its vendor's collateral says. */
export interface DcapTcb {
  readonly status: TcbStatus;
  /** Security advisories that apply, such as `INTEL-SA-00615`: the platform's, the TDX module's, the quoting enclave's. */
  readonly advisories: readonly string[];
  /** The lower of the numbers in TCB Info and QE Identity. */
  readonly evaluationDataNumber: number;
}

/** The firmware of an AMD platform, part by part; AMD rates no TCB, the policy names a minimum. */
export interface SnpTcbVerdict {
  readonly status?: undefined;
  readonly advisories?: undefined;
  readonly product: SnpProduct;
  /** What the endorsement key was derived from. */
  readonly reported: SnpTcb;
  /** What the platform cannot go back behind. */
  readonly committed: SnpTcb;
  readonly current: SnpTcb;
  /** At the launch of the guest. */
  readonly launch: SnpTcb;
}

export type TcbVerdict = DcapTcb | SnpTcbVerdict;

/** A key whose holder the evidence speaks for. */
export interface BoundKey {
  /** Of its SubjectPublicKeyInfo: an algorithm's name, a colon, hexadecimal. */
  readonly hash: string;
  /** The SubjectPublicKeyInfo (DER, hexadecimal), where it came with the evidence. */
  readonly spki?: string;
}

/** The answer of everything that verifies, the same from every command and over HTTP. Keys are only ever added. */
export interface Verdict {
  /** `verified`: signatures, chains, revocation, time and TCB status stand, and no policy was applied. */
  readonly verdict: "accepted" | "refused" | "verified";
  readonly tee: Tee;
  /** `null` where it was not established, and for a TEE whose evidence has none. */
  readonly tcb: TcbVerdict | null;
  /** `null` where the evidence could not be decoded. Of a refused verdict it says only what the evidence claims. */
  readonly measurement: MeasurementVerdict | null;
  /** `null` where the evidence names no key, and where it is not to be believed. */
  readonly boundKey: BoundKey | null;
  /**
   * ISO 8601: the first end among the certificates, lists and documents that the verification rests on. `null` where
   * none of them ends, and where the evidence is not to be believed.
   */
  readonly validUntil: string | null;
  readonly checks: readonly Check[];
  /** Every decoded field by its specification's name, bytes as hex. */
  readonly claims: Readonly<Record<string, JsonValue>>;
}

const SEVEREST_FIRST: readonly VerificationCause[] = ["evidence", "collateral", "policy"];
const EXIT_ACCEPTED = 0;
const EXIT_FAULT = 1;
const EXIT_VERIFIED = 6;

/** The failed check that decides: wrong evidence before missing collateral before policy. */
export function decisiveCheck(checks: readonly Check[]): Check | undefined {
  const failed = checks.filter(({ result }) => result === "failed");
  for (const cause of SEVEREST_FIRST) {
    const found = failed.find(({ code }) => code !== undefined && causeOf(code) === cause);
    if (found !== undefined) return found;
  }
  return failed[0];
}

/**
 * The exit code of a verifying command: 0 accepted, 6 verified only, 3 wrong evidence, 4 collateral missing or expired,
 * 5 refused by policy, 1 something failed on our side, 2 usage (for errors only).
 */
export function exitCodeOf(outcome: unknown): number {
  if (!isVerdict(outcome)) return toExitCode(outcome);
  if (outcome.verdict === "accepted") return EXIT_ACCEPTED;
  if (outcome.verdict === "verified") return EXIT_VERIFIED;
  const code = decisiveCheck(outcome.checks)?.code;
  const cause = code === undefined ? undefined : causeOf(code);
  return cause === undefined ? EXIT_FAULT : { evidence: 3, collateral: 4, policy: 5 }[cause];
}

function causeOf(code: NonNullable<Check["code"]>): VerificationCause | undefined {
  return ERROR_CODES[code].cause;
}

function isVerdict(value: unknown): value is Verdict {
  return typeof value === "object" && value !== null && !(value instanceof Error) && "verdict" in value;
}
