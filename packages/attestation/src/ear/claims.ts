/** The claims of an attestation result. @see draft-fv-rats-ear; RFC 9711, EAT; RFC 7519, JWT; RFC 7800, cnf */
import * as v from "valibot";
import { TRUST_CLAIMS, TRUST_TIERS } from "./ar4si.ts";

/** The profile of Veraison, which Trustee and others extend. */
export const EAR_PROFILE = "tag:github.com,2023:veraison/ear";
/** RFC 9711, section 4.1. */
export const NONCE_BYTES = { least: 8, most: 64 } as const;

const MOST_TEXT = 4096;
const MOST_SUBMODS = 64;

const text = v.pipe(v.string(), v.minLength(1), v.maxLength(MOST_TEXT));
/** Seconds since 1970. */
const numericDate = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const trustValue = v.pipe(v.number(), v.integer(), v.minValue(-128), v.maxValue(127));
const vector = v.object(
  Object.fromEntries(TRUST_CLAIMS.map((claim) => [claim, v.exactOptional(trustValue)])) as Record<
    (typeof TRUST_CLAIMS)[number],
    v.ExactOptionalSchema<typeof trustValue, undefined>
  >,
);

const appraisal = v.looseObject({
  "ear.status": v.picklist(TRUST_TIERS),
  "ear.trustworthiness-vector": v.exactOptional(vector),
  "ear.appraisal-policy-id": v.exactOptional(text),
});

/** What a relying party needs; unknown claims are carried along. */
export const earSchema = v.looseObject({
  eat_profile: v.literal(EAR_PROFILE),
  iss: text,
  aud: v.union([text, v.pipe(v.array(text), v.minLength(1), v.maxLength(MOST_SUBMODS))]),
  iat: numericDate,
  nbf: numericDate,
  exp: numericDate,
  eat_nonce: v.exactOptional(v.union([text, v.pipe(v.array(text), v.maxLength(MOST_SUBMODS))])),
  "ear.verifier-id": v.looseObject({ build: text, developer: text }),
  cnf: v.exactOptional(v.looseObject({})),
  submods: v.pipe(
    v.record(text, appraisal),
    v.check((submods) => Object.keys(submods).length > 0, "no appraisal"),
    v.check((submods) => Object.keys(submods).length <= MOST_SUBMODS, "too many appraisals"),
  ),
});

/** A result whose form is right. */
export type EarClaims = v.InferOutput<typeof earSchema>;
export type EarAppraisal = v.InferOutput<typeof appraisal>;
