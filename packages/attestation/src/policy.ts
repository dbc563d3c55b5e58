import { InclavareError } from "@inclavare/errors";
import * as v from "valibot";
import { isGuestImage } from "./container-claim.ts";
import { TCB_STATUSES, type TcbStatus } from "./dcap/tcb-status.ts";
import { REFERENCE_FIELDS, type ReferenceField, type ReferenceTee, teeOfReference } from "./reference-fields.ts";
import type { SnpProduct, SnpTcb } from "./snp/product.ts";

/**
 * What is refused unless its own word allows it. Three stand for the parts of a TCB status (`sw-hardening-needed`,
 * `configuration-needed`, `out-of-date`): a status that has two of them, such as ConfigurationAndSWHardeningNeeded, needs
 * both words.
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
  "no-sept-ve-disable",
  "service-td",
  "migration",
  "masked-chip-id",
  "no-revocation",
] as const;

export type Allowance = (typeof ALLOWANCES)[number];

/**
 * What evidence is expected to speak of. Its members are those of one TEE (`reference-fields.ts`); one that is left out is
 * not compared; one that identifies software must be there. Hashes are hex.
 */
export type ReferenceValue = ReferenceMembers & {
  /** Where the value came from, for people; the verdict repeats it. */
  readonly source: string;
};

type Fields<T extends ReferenceTee> = (typeof REFERENCE_FIELDS)[T];
type MembersOf<T extends ReferenceTee> = { readonly [K in keyof Fields<T>]?: ValueOf<Fields<T>[K]> };
type ValueOf<F> =
  F extends ReferenceField<{ readonly most: number }>
    ? number
    : F extends ReferenceField<{ readonly hashes: number }>
      ? readonly string[]
      : string;
type ReferenceMembers = MembersOf<"sgx"> &
  MembersOf<"tdx"> &
  MembersOf<"sev-snp"> &
  MembersOf<"cca"> &
  MembersOf<"psa"> &
  MembersOf<"nitro">;

export interface Policy {
  /** For people: what each member is for and where its value came from. Nothing goes by it. */
  readonly comment?: readonly string[];
  /** Evidence that matches any one of them will do. */
  readonly referenceValues: readonly ReferenceValue[];
  /**
   * Guests (TDX, SEV-SNP, CCA) whose word about the containers in them counts. Left out: none. With a container's claim in
   * the evidence, `referenceValues` are compared with the container.
   */
  readonly guestImages?: readonly ReferenceValue[];
  /** `Revoked` is never accepted, whatever stands here. */
  readonly acceptedTcbStatuses: readonly TcbStatus[];
  /** Left out: the advisories of an accepted status are accepted with it. */
  readonly acceptedAdvisories?: readonly string[];
  /** Left out: any. */
  readonly minEvaluationDataNumber?: number;
  /** Evidence that says when it was made (Nitro) may be this old. Left out: any age. */
  readonly maxAgeSeconds?: number;
  /** SEV-SNP: privilege levels of which a report may be. Left out: 0, the most privileged. */
  readonly acceptedVmpls?: readonly number[];
  /** SEV-SNP, by product: each part of REPORTED_TCB that is named. Left out: any; a product left out: none of it. */
  readonly minSnpTcb?: Readonly<Partial<Record<SnpProduct, Partial<SnpTcb>>>>;
  /** TDX, by the module's version (`"1"`): its lowest security version. Left out: any; a version left out: none of it. */
  readonly minTdxModuleSvn?: Readonly<Record<string, number>>;
  /** Intel's platform types that are wanted; left out: any. 6 bytes in hexadecimal, as the next. */
  readonly acceptedFmspcs?: readonly string[];
  readonly refusedFmspcs?: readonly string[];
  /** Single machines that are wanted, by an identifier of theirs; left out: any. Hexadecimal, as the next. */
  readonly acceptedPlatforms?: readonly string[];
  readonly refusedPlatforms?: readonly string[];
  readonly allow: readonly Allowance[];
}

/** Refuses all that can be refused: no reference values, UpToDate platforms only, nothing allowed. */
export const DEFAULT_POLICY: Policy = {
  referenceValues: [],
  acceptedTcbStatuses: ["UpToDate"],
  allow: [],
};

const LIMIT_CHARACTERS = 1 << 20;
const MOST_ENTRIES = 4096;
const PLATFORM_ID = /^(?:[0-9a-f]{2}){16,64}$/iu;
const HASH = /^(?:[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})$/iu;

const referenceMembers: Readonly<Record<string, v.GenericSchema>> = Object.fromEntries(
  Object.values(REFERENCE_FIELDS).flatMap((fields) =>
    Object.entries<ReferenceField>(fields).map(([name, { value }]) => [name, v.exactOptional(memberSchema(value))]),
  ),
);

const referenceSchema = v.pipe(
  v.strictObject({
    ...referenceMembers,
    source: v.optional(v.pipe(v.string(), v.maxLength(1024)), "the policy"),
  }),
  v.transform((reference) => reference as ReferenceValue),
  v.check(
    (reference) => teeOfReference(reference) !== undefined,
    "the members are not those of one TEE, or none identifies software",
  ),
);

/** Its integrity must cover firmware, kernel, command line and file system, or anybody could be root in it. */
const guestImageSchema = v.pipe(
  referenceSchema,
  v.check(isGuestImage, "a guest image names mrTd and rtmr0 to rtmr2, or measurement, or rim"),
);

function memberSchema(value: ReferenceField["value"]): v.GenericSchema {
  if ("most" in value) return small(value.most);
  const hash = v.pipe(v.string(), v.regex(HASH, "not 32, 48 or 64 bytes in hexadecimal"), v.toLowerCase());
  if ("hashes" in value) return v.pipe(v.array(hash), v.maxLength(value.hashes));
  if ("hash" in value) return hash;
  const pattern = new RegExp(`^[0-9a-f]{${2 * value.hexBytes}}$`, "iu");
  return v.pipe(v.string(), v.regex(pattern, `not ${value.hexBytes} bytes in hexadecimal`), v.toLowerCase());
}

function small(most: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(most));
}

const spl = v.exactOptional(small(0xff));
const snpTcb = v.strictObject({ fmc: spl, bootLoader: spl, tee: spl, snp: spl, microcode: spl });

const fmspcs = hexList(/^[0-9a-f]{12}$/iu, "not 6 bytes in hexadecimal");
const platforms = hexList(PLATFORM_ID, "not 16 to 64 bytes in hexadecimal");
const moduleVersion = v.pipe(v.string(), v.regex(/^(?:0|[1-9]\d{0,2})$/u, "not the version of a TDX module"));

function hexList(pattern: RegExp, message: string) {
  const item = v.pipe(v.string(), v.regex(pattern, message), v.toLowerCase());
  return v.exactOptional(v.pipe(v.array(item), v.maxLength(MOST_ENTRIES)));
}

/** An empty list would pass for an object without members. */
const policyObject = v.custom<object>((value) => typeof value === "object" && !Array.isArray(value), "not an object");

const policyMembers = v.strictObject({
  comment: v.exactOptional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(1024))), v.maxLength(MOST_ENTRIES))),
  referenceValues: v.optional(v.pipe(v.array(referenceSchema), v.maxLength(MOST_ENTRIES)), []),
  guestImages: v.exactOptional(v.pipe(v.array(guestImageSchema), v.maxLength(MOST_ENTRIES))),
  acceptedTcbStatuses: v.optional(
    v.pipe(
      v.array(v.picklist(TCB_STATUSES)),
      v.check((statuses) => !statuses.includes("Revoked"), "Revoked is never accepted"),
    ),
    [...DEFAULT_POLICY.acceptedTcbStatuses],
  ),
  acceptedAdvisories: v.exactOptional(v.pipe(v.array(v.string()), v.maxLength(MOST_ENTRIES))),
  minEvaluationDataNumber: v.exactOptional(v.pipe(v.number(), v.safeInteger(), v.minValue(0))),
  maxAgeSeconds: v.exactOptional(small(0xffff_ffff)),
  acceptedVmpls: v.exactOptional(v.pipe(v.array(small(0xffff_ffff)), v.maxLength(MOST_ENTRIES))),
  minSnpTcb: v.exactOptional(
    v.strictObject({ Milan: v.exactOptional(snpTcb), Genoa: v.exactOptional(snpTcb), Turin: v.exactOptional(snpTcb) }),
  ),
  minTdxModuleSvn: v.exactOptional(v.record(moduleVersion, small(0xff))),
  acceptedFmspcs: fmspcs,
  refusedFmspcs: fmspcs,
  acceptedPlatforms: platforms,
  refusedPlatforms: platforms,
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
