/** What TCB Info and QE Identity have in common: signed JSON text, a period, an evaluation number, levels. */
import * as v from "valibot";
import { CheckFailure } from "../check.ts";
import { ENCLAVE_STATUSES, type EnclaveStatus } from "./tcb-status.ts";

const LIMIT_CHARACTERS = 1 << 20;

/** ISO 8601 in UTC, as Intel writes it. */
export const timestamp = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/u, "not a time in UTC"),
  v.transform((text) => new Date(text)),
  v.date("not a time"),
);

export const u8 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xff));
export const u16 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff));
export const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
export const advisories = v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.maxLength(256)), []);

/** Hexadecimal of either case, of exactly this many bytes. */
export function hexBytes(sizeBytes: number): v.GenericSchema<string, Buffer> {
  const pattern = new RegExp(`^[0-9a-fA-F]{${2 * sizeBytes}}$`, "u");
  return v.pipe(
    v.string(),
    v.regex(pattern, `not ${sizeBytes} bytes in hexadecimal`),
    v.transform((text) => Buffer.from(text, "hex")),
  );
}

export const periodMembers = {
  issueDate: timestamp,
  nextUpdate: timestamp,
  tcbEvaluationDataNumber: count,
};

/** A level of an enclave, or of a TDX module. */
export interface EnclaveLevel {
  readonly isvSvn: number;
  readonly tcbDate: Date;
  readonly status: EnclaveStatus;
  readonly advisories: readonly string[];
}

export const enclaveLevel: v.GenericSchema<unknown, EnclaveLevel> = v.pipe(
  v.object({
    tcb: v.object({ isvsvn: u16 }),
    tcbDate: timestamp,
    tcbStatus: v.picklist(ENCLAVE_STATUSES),
    advisoryIDs: advisories,
  }),
  v.transform(({ tcb, tcbDate, tcbStatus, advisoryIDs }) => {
    return { isvSvn: tcb.isvsvn, tcbDate, status: tcbStatus, advisories: advisoryIDs };
  }),
);

/** JSON text without the white space between its tokens; that inside strings stays, and so does everything else. */
export function compactJson(text: string): string {
  const parts: string[] = [];
  let isString = false;
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '"') isString = !isString;
    else if (isString && char === "\\") at += 1;
    else if (!isString && (char === " " || char === "\n" || char === "\r" || char === "\t")) {
      parts.push(text.slice(from, at));
      from = at + 1;
    }
  }
  return [...parts, text.slice(from)].join("");
}

/**
 * Parses the text of a document, whose signature has been verified over exactly this text.
 * @throws CheckFailure ERR_COLLATERAL_CONTENT
 */
export function parseDocument<const S extends v.GenericSchema>(
  text: string,
  schema: S,
  what: string,
): v.InferOutput<S> {
  const fail = (message: string, cause?: unknown): never => {
    throw new CheckFailure("ERR_COLLATERAL_CONTENT", `${what}: ${message}`, { cause });
  };
  if (text.length > LIMIT_CHARACTERS) return fail("is longer than 1 MiB");
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    return fail("is not JSON", cause);
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const [issue] = result.issues;
  return fail(`${v.getDotPath(issue) ?? "the document"}: ${issue.message}`);
}
