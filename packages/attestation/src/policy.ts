import { InclavareError } from "@inclavare/errors";
import * as v from "valibot";
import { TCB_STATUSES, type TcbStatus } from "./dcap/tcb-status.ts";

/**
 * What is refused unless its own word allows it. The last three stand for the parts of a TCB status: a status that has
 * two of them, such as ConfigurationAndSWHardeningNeeded, needs both words.
 */
export const ALLOWANCES = [
  "debug",
  "simulated",
  "no-nonce",
  "no-reference",
  "expired-collateral",
  "sw-hardening-needed",
  "configuration-needed",
  "out-of-date",
] as const;

export type Allowance = (typeof ALLOWANCES)[number];

/** What an enclave is expected to be. A member that is left out is not compared; one of the first two must be there. */
export interface ReferenceValue {
  /** Lower-case hex, 32 bytes. */
  readonly mrEnclave?: string;
  readonly mrSigner?: string;
  readonly isvProdId?: number;
  readonly minIsvSvn?: number;
  /** Where the value came from, for people; the verdict repeats it. */
  readonly source: string;
}

export interface Policy {
  /** Evidence that matches any one of them will do. */
  readonly referenceValues: readonly ReferenceValue[];
  /** `Revoked` is never accepted, whatever stands here. */
  readonly acceptedTcbStatuses: readonly TcbStatus[];
  /** Left out: the advisories of an accepted status are accepted with it. */
  readonly acceptedAdvisories?: readonly string[];
  /** Left out: any. */
  readonly minEvaluationDataNumber?: number;
  readonly allow: readonly Allowance[];
}

/** Refuses all that can be refused: no reference values, UpToDate platforms only, nothing allowed. */
export const DEFAULT_POLICY: Policy = { referenceValues: [], acceptedTcbStatuses: ["UpToDate"], allow: [] };

const LIMIT_CHARACTERS = 1 << 20;
const MOST_ENTRIES = 4096;

const hash = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/iu, "not 32 bytes in hexadecimal"), v.toLowerCase());
const u16 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff));

const referenceSchema = v.pipe(
  v.strictObject({
    mrEnclave: v.exactOptional(hash),
    mrSigner: v.exactOptional(hash),
    isvProdId: v.exactOptional(u16),
    minIsvSvn: v.exactOptional(u16),
    source: v.optional(v.pipe(v.string(), v.maxLength(1024)), "the policy"),
  }),
  v.check(({ mrEnclave, mrSigner }) => mrEnclave !== undefined || mrSigner !== undefined, "no mrEnclave, no mrSigner"),
);

/** An empty list would pass for an object without members. */
const policyObject = v.custom<object>((value) => typeof value === "object" && !Array.isArray(value), "not an object");

const policyMembers = v.strictObject({
  referenceValues: v.optional(v.pipe(v.array(referenceSchema), v.maxLength(MOST_ENTRIES)), []),
  acceptedTcbStatuses: v.optional(
    v.pipe(
      v.array(v.picklist(TCB_STATUSES)),
      v.check((statuses) => !statuses.includes("Revoked"), "Revoked is never accepted"),
    ),
    [...DEFAULT_POLICY.acceptedTcbStatuses],
  ),
  acceptedAdvisories: v.exactOptional(v.pipe(v.array(v.string()), v.maxLength(MOST_ENTRIES))),
  minEvaluationDataNumber: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  allow: v.optional(v.array(v.picklist(ALLOWANCES)), []),
});

const policySchema = v.pipe(policyObject, policyMembers);

/**
 * Reads a policy: JSON with the members of {@link Policy}, each of which may be left out; `source` of a reference too.
 * @param what names the input in errors.
 * @throws InclavareError ERR_POLICY_FORMAT
 */
export function parsePolicy(text: string, what: string): Policy {
  if (text.length > LIMIT_CHARACTERS) throw new InclavareError("ERR_POLICY_FORMAT", `${what} is longer than 1 MiB`);
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InclavareError("ERR_POLICY_FORMAT", `${what} is not JSON`, { cause });
  }
  const result = v.safeParse(policySchema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new InclavareError("ERR_POLICY_FORMAT", `${what}: ${v.getDotPath(issue) ?? "the document"}: ${issue.message}`);
}

/** Tells whether a word is an {@link Allowance}. */
export function isAllowance(word: string): word is Allowance {
  return (ALLOWANCES as readonly string[]).includes(word);
}
