/** Reading a `cases.json`: each case as the arguments of `shelter verify` and what must come of them. */

type Fields = Readonly<Record<string, unknown>>;

interface Answer {
  readonly exit: number;
  readonly verdict: unknown;
  readonly stderr: string;
}

/** Calls `shelter verify` with further arguments. */
type Run = (...more: readonly string[]) => Promise<Answer>;

export interface Case {
  readonly id: string;
  readonly arguments: readonly string[];
  /** @returns what is wrong; `undefined` where all is as expected. */
  readonly judge: (run: Run) => Promise<string | undefined>;
}

const VERIFIED = 6;
/** Not to be believed, and collateral missing or expired. */
const REFUSED = [3, 4];
const BY_POLICY = 5;
/** All words but those that flags stand for. */
const OTHER_WORDS = [
  "simulated",
  "no-nonce",
  "no-reference",
  "no-revocation",
  "sw-hardening-needed",
  "configuration-needed",
  "out-of-date",
];
const EVIDENCE = ["evidence", "quote", "report", "token", "document", "certificate"];
const TRUST = ["trustedRoot", "trustedArk", "trustedKey", "trust"];
const ENDORSEMENTS = ["vek", "chain", "crl", "endorsement"];
/** Values of trust that stand for the built-in roots. */
const BUILT_IN = new Set(["builtin", "intel-sgx-root-ca"]);

/** @param json sections of cases, such as `dcap`, `snp` and `other`. @throws Error for what is no such file */
export function readCases(json: unknown): Case[] {
  return Object.entries(fieldsOf(json, "cases.json")).flatMap(([section, list]) => {
    if (!Array.isArray(list)) throw new Error(`section ${section} is no list`);
    return list.map((one: unknown) => readCase(fieldsOf(one, section)));
  });
}

function readCase(fields: Fields): Case {
  const id = textOf(fields, ["id"]) ?? "a case without id";
  const evidence = textOf(fields, EVIDENCE);
  if (evidence === undefined) throw new Error(`${id} names no evidence`);
  const collateral = textOf(fields, ["collateral"]);
  const time = textOf(fields, ["time"]);
  const nonce = textOf(fields, ["nonce"]);
  const trust = textOf(fields, TRUST);
  return {
    id,
    arguments: [
      evidence,
      ...(collateral === undefined ? [] : ["--collateral", collateral]),
      ...ENDORSEMENTS.flatMap((name) => {
        const file = textOf(fields, [name]);
        return file === undefined ? [] : ["--endorsement", file];
      }),
      // A remark in brackets may follow, such as which certificate of a chain it is.
      ...(trust === undefined || BUILT_IN.has(trust) ? [] : ["--trust", trust.replace(/ \(.*\)$/u, "")]),
      ...(time === undefined ? [] : ["--time", time]),
      ...(nonce === undefined ? [] : ["--nonce", nonce]),
    ],
    judge: async (run) => {
      const expect = fieldsOf(fields["expect"], `expectation of ${id}`);
      const problem = judgeEvidence(await run("--evidence-only"), expect);
      if (problem !== undefined || !Array.isArray(fields["flags"]) || fields["flags"].length === 0) return problem;
      const flagged = await run(...OTHER_WORDS.flatMap((word) => ["--allow", word]));
      return flagged.exit === BY_POLICY ? undefined : `flagged, and yet exit ${flagged.exit} under a policy`;
    },
  };
}

function judgeEvidence({ exit, verdict, stderr }: Answer, expect: Fields): string | undefined {
  if (verdict === undefined) return `exit ${exit} without a verdict: ${stderr.trim()}`;
  const found = fieldsOf(verdict, "verdict");
  const { tcbStatus, verdict: validity, exit: expectedExit, checks = {} } = expect;
  if (expectedExit !== undefined && exit !== expectedExit)
    return `exit ${exit}, expected ${JSON.stringify(expectedExit)}`;
  const results = new Map(
    (found["checks"] as readonly Fields[]).map(({ check, result }) => [String(check), String(result)]),
  );
  for (const [check, result] of Object.entries(fieldsOf(checks, "checks"))) {
    if (results.get(check) !== result)
      return `check ${check} is ${results.get(check) ?? "absent"}, expected ${String(result)}`;
  }
  const isRefusal = expect["error"] !== undefined || validity === "invalid";
  if (isRefusal)
    return found["verdict"] === "refused" && REFUSED.includes(exit) ? undefined : `exit ${exit}, expected 3 or 4`;
  if (expectedExit !== undefined) return undefined;
  const status = (found["tcb"] as Fields | null)?.["status"];
  if (tcbStatus !== undefined && status !== tcbStatus)
    return `status ${JSON.stringify(status)}, expected ${JSON.stringify(tcbStatus)}`;
  // A revoked platform has a status, and is refused all the same.
  const wanted = tcbStatus === "Revoked" ? 3 : VERIFIED;
  const isKnown = tcbStatus !== undefined || validity === "valid";
  if (!isKnown) return "the case expects nothing that is known here";
  return exit === wanted ? undefined : `exit ${exit}, expected ${wanted}`;
}

function textOf(fields: Fields, names: readonly string[]): string | undefined {
  return names.map((name) => fields[name]).find((value) => typeof value === "string");
}

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Fields;
  throw new Error(`${what} is no object`);
}
