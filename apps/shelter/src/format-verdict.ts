import {
  type Check,
  decisiveCheck,
  type MeasurementVerdict,
  type SgxMeasurement,
  type TcbVerdict,
  type Verdict,
} from "@inclavare/attestation";
import { type Output, printJson } from "@inclavare/cli";

const MARKS: Readonly<Record<Check["result"], string>> = { ok: "✓", failed: "✗", allowed: "!", skipped: "-" };
const MOST_VALUE_CHARACTERS = 160;

/** Prints a verdict as `-o` asks for it; where that is `ear`, the token is printed in its place. */
export function printVerdict(output: Output, verdict: Verdict, form: string | undefined): void {
  if (form === "json") printJson(output, verdict);
  else if (form !== "ear") output.write(formatVerdict(verdict));
}

/** A verdict for people: what runs, one line for each check with what was expected and what came, one closing line. */
export function formatVerdict(verdict: Verdict): string {
  const { measurement, tcb, checks } = verdict;
  const width = Math.max(0, ...checks.map(({ check }) => check.length));
  const lines = [
    ...(measurement === null ? [] : formatMeasurement(measurement)),
    ...(tcb === null ? [] : [formatTcb(tcb)]),
    ...checks.flatMap((check) => formatCheck(check, width)),
    formatConclusion(verdict),
  ];
  return `${lines.join("\n")}\n`;
}

/** One line for each member, as the JSON verdict has them; SGX's product and versions in one. */
function formatMeasurement(measurement: MeasurementVerdict): string[] {
  const mode = measurement.debug ? "debug" : "production";
  if (measurement.tee === "sgx") {
    const { mrEnclave, mrSigner, isvProdId, isvSvn } = measurement;
    const product = `product    ${isvProdId}, security version ${isvSvn}, ${mode}`;
    return [`MRENCLAVE  ${mrEnclave}`, `MRSIGNER   ${mrSigner}`, product, ...formatKss(measurement)];
  }
  const { debug: _debug, tee: _tee, ...members } = measurement;
  const width = Math.max(...Object.keys(members).map(({ length }) => length));
  return [
    ...Object.entries(members).map(([name, value]) => `${name.padEnd(width)}  ${shorten(printable(String(value)))}`),
    `${"mode".padEnd(width)}  ${mode}`,
  ];
}

/** Only of an enclave that uses key separation and sharing. */
function formatKss({ configId, configSvn, isvExtProdId, isvFamilyId }: SgxMeasurement): string[] {
  if (configSvn === 0 && /^0*$/u.test(configId + isvExtProdId + isvFamilyId)) return [];
  return [`CONFIGID   ${configId}, CONFIGSVN ${configSvn}`, `EXTPRODID  ${isvExtProdId}, FAMILYID ${isvFamilyId}`];
}

function formatTcb(tcb: TcbVerdict): string {
  if (tcb.status === undefined) {
    const parts = Object.entries(tcb.reported).map(([part, version]) => `${part} ${version}`);
    return `TCB        ${tcb.product}: ${parts.join(", ")}`;
  }
  const { status, advisories } = tcb;
  return `TCB        ${status}${advisories.length === 0 ? "" : ` (${advisories.join(", ")})`}`;
}

function formatCheck({ check, result, code, expected, actual, message }: Check, width: number): string[] {
  const indent = " ".repeat(width + 4);
  const facts = result === "failed" || result === "allowed" ? { expected, actual } : {};
  return [
    `${MARKS[result]} ${check.padEnd(width)}  ${printable(message)}${code === undefined ? "" : ` [${code}]`}`,
    ...Object.entries(facts).flatMap(([name, value]) => {
      return value === undefined ? [] : [`${indent}${name.padEnd(8)} ${shorten(printable(value))}`];
    }),
  ];
}

function formatConclusion({ verdict, tee, tcb, checks }: Verdict): string {
  const status = tcb?.status === undefined ? "" : `, TCB ${tcb.status}`;
  const allowed = checks.filter(({ result }) => result === "allowed").map(({ check }) => check);
  const exceptions = allowed.length === 0 ? "" : `; allowed by exception: ${allowed.join(", ")}`;
  if (verdict === "accepted") return `ACCEPTED (${tee}${status})${exceptions}`;
  if (verdict === "verified") return `VERIFIED (${tee}${status}); no policy was applied${exceptions}`;
  const decisive = decisiveCheck(checks);
  const reason = decisive === undefined ? "" : `: ${printable(decisive.message)} [${decisive.code ?? decisive.check}]`;
  return `REFUSED (${tee}${status})${reason}`;
}

/** The text comes from whoever made the evidence, and goes to a terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, "?");
}

function shorten(text: string): string {
  return text.length <= MOST_VALUE_CHARACTERS ? text : `${text.slice(0, MOST_VALUE_CHARACTERS)}…`;
}
