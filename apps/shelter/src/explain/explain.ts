/** A verdict or a token in plain words: what it means, and what to do for each check that failed or took an exception. */
import { type Check, decisiveCheck, type EarResult, type TrustClaim, type Verdict } from "@inclavare/attestation";
import { ERROR_CODES, type ErrorCode } from "@inclavare/errors";
import { printable } from "../format-verdict.ts";
import { adviceOn } from "./advice.ts";
import { wordsFor } from "./trust-words.ts";

export const TEES: Readonly<Record<Verdict["tee"], string>> = {
  sgx: "an Intel SGX enclave",
  tdx: "an Intel TDX trust domain",
  "sev-snp": "an AMD SEV-SNP guest",
  cca: "an Arm CCA realm",
  psa: "an Arm PSA device",
  nitro: "an AWS Nitro enclave",
  sev: "an AMD SEV guest",
  "sev-es": "an AMD SEV-ES guest",
  simulated: "something that no hardware vendor vouches for",
  unknown: "no known kind of TEE",
};

const CONCLUSIONS: Readonly<Record<Verdict["verdict"], string>> = {
  accepted: "ACCEPTED: the evidence is true, and speaks of what the policy wants.",
  verified:
    "VERIFIED: the evidence is true. Whether it speaks of what you want, nobody has looked: no policy was applied.",
  refused: "REFUSED: do not rely on it.",
};

/** Lines of at most one sentence or two, for a terminal. */
export function explainVerdict(verdict: Verdict): string {
  const { tee, tcb, measurement, validUntil, checks } = verdict;
  const decisive = decisiveCheck(checks);
  const failed = checks.filter(({ result }) => result === "failed");
  const ordered = decisive === undefined ? failed : [decisive, ...failed.filter((check) => check !== decisive)];
  const allowed = checks.filter(({ result }) => result === "allowed");
  const passed = checks.filter(({ result }) => result === "ok").length;
  const skipped = checks.filter(({ result }) => result === "skipped").length;
  return finish([
    CONCLUSIONS[verdict.verdict],
    `It is evidence of ${TEES[tee]}${measurement?.debug === true ? ", in debug mode" : ""}.`,
    ...(tcb?.status === undefined ? [] : [`The vendor's word for the platform is ${tcb.status}.`]),
    ...(validUntil === null ? [] : [`What the verdict rests on is valid until ${validUntil}.`]),
    ...section("What failed, the deciding first:", ordered),
    ...section("What was let pass by an explicit word:", allowed),
    "",
    `${passed} checks passed, ${failed.length} failed, ${allowed.length} allowed, ${skipped} not looked at.`,
  ]);
}

/** @param isVerified whether the token's signature was verified with a trusted key. */
export function explainToken({ status, claims }: EarResult, isVerified: boolean): string {
  const { iss, aud, nbf, exp, submods } = claims;
  const [from, until] = [nbf, exp].map((seconds) => dateOf(seconds));
  return finish([
    `${status.toUpperCase()}: ${STATUS_WORDS[status]}`,
    isVerified
      ? "A trusted key has signed it."
      : "NOBODY HAS CHECKED ITS SIGNATURE: without --jwks it may say anything. Never rely on it like this.",
    `Issued by ${iss} for ${[aud].flat().join(", ")}, valid from ${from} until ${until}.`,
    ...Object.entries(submods).flatMap(([name, appraisal]) => [
      "",
      `${name}: ${appraisal["ear.status"]}`,
      ...Object.entries(appraisal["ear.trustworthiness-vector"] ?? {}).map(
        ([claim, value]) =>
          `  ${claim.padEnd(17)}  ${value}  ${wordsFor(claim as TrustClaim, value) ?? "a value of the verifier's own"}`,
      ),
      ...explainChecks(checksOf(appraisal["ear.veraison.policy-claims"])),
    ]),
  ]);
}

const STATUS_WORDS: Readonly<Record<EarResult["status"], string>> = {
  affirming: "the verifier found what its policy wants, without exception.",
  warning: "the verifier found true evidence with something that should be mended, or that took an exception.",
  contraindicated: "do not rely on the attester.",
  none: "the verifier says nothing.",
};

function explainChecks(checks: readonly Check[]): string[] {
  return [
    ...section(
      "What failed:",
      checks.filter(({ result }) => result === "failed"),
    ),
    ...section(
      "What was let pass by an explicit word:",
      checks.filter(({ result }) => result === "allowed"),
    ),
  ];
}

function section(title: string, checks: readonly Check[]): string[] {
  return checks.length === 0 ? [] : ["", title, ...checks.flatMap((check, index) => explainCheck(check, index + 1))];
}

function explainCheck({ check, code, message, expected, actual }: Check, index: number): string[] {
  const advice = code === undefined ? undefined : adviceOn(code);
  const indent = " ".repeat(String(index).length + 2);
  const facts = [
    ["expected", expected],
    ["actual", actual],
    ["means", advice?.means],
    ["do", advice?.todo],
  ].flatMap(([name = "", text]) => (text === undefined ? [] : [`${indent}${name.padEnd(8)}  ${text}`]));
  return [`${index}. ${check}: ${message}${code === undefined ? "" : ` [${code}]`}`, ...facts];
}

/** Another verifier's token may have anything here: what is no check of ours is passed over. */
function checksOf(policyClaims: unknown): Check[] {
  const checks =
    typeof policyClaims === "object" && policyClaims !== null && "checks" in policyClaims ? policyClaims.checks : [];
  return Array.isArray(checks) ? checks.filter(isCheck) : [];
}

/** Whether something is a check as verdicts have them. */
export function isCheck(value: unknown): value is Check {
  if (typeof value !== "object" || value === null) return false;
  const { check, result, message, code, expected, actual } = value as Readonly<Record<string, unknown>>;
  const isText = (text: unknown): boolean => text === undefined || typeof text === "string";
  return (
    typeof check === "string" &&
    typeof result === "string" &&
    [message, expected, actual].every(isText) &&
    (code === undefined || (typeof code === "string" && isErrorCode(code)))
  );
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERROR_CODES, text);
}

function dateOf(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? String(seconds) : date.toISOString();
}

/** Much of it was written by whoever made the evidence, and it goes to a terminal. */
function finish(lines: readonly string[]): string {
  return `${lines.map(printable).join("\n")}\n`;
}
