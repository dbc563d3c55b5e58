/**
 * The protocol of attesterd: length-prefixed JSON messages over one stream, one answer for each request, in order. The
 * connection is launched once, by root, and from then on speaks for that one container.
 */
import { InclavareError, type JsonValue } from "@inclavare/errors";
import type { JsonObject } from "@inclavare/linux";
import { parseCollateralBundle } from "@inclavare/sgx";
import * as v from "valibot";
import type { EnclaveIdentity, Evidence } from "../evidence.ts";

const REPORT_DATA_BYTES = 64;
/** A quote with a certificate chain has about 5 kB. */
const MOST_QUOTE_BYTES = 64 * 1024;
const MOST_ENDORSEMENTS_CHARACTERS = 512 * 1024;

/** What `rune` asks for when it creates a container. */
export interface LaunchRequest {
  readonly container: string;
  /** Host path of the directory with manifest, application image and SIGSTRUCT. */
  readonly enclaveDirectory: string;
}

export function launchRequest({ container, enclaveDirectory }: LaunchRequest): JsonObject {
  return { op: "launch", container, enclaveDirectory };
}

/** Asks for the MRENCLAVE of an enclave that is not signed yet. */
export function measureRequest(enclaveDirectory: string): JsonObject {
  return { op: "measure", enclaveDirectory };
}

export function identityRequest(): JsonObject {
  return { op: "identity" };
}

/** @throws InclavareError ERR_ATTESTERD_PROTOCOL for other than 64 bytes */
export function evidenceRequest(reportData: Uint8Array): JsonObject {
  if (reportData.length !== REPORT_DATA_BYTES) {
    throw new InclavareError(
      "ERR_ATTESTERD_PROTOCOL",
      `report data has ${reportData.length} bytes, expected ${REPORT_DATA_BYTES}`,
    );
  }
  return { op: "evidence", reportData: Buffer.from(reportData).toString("base64") };
}

/**
 * Asks for evidence over a whole claims buffer, which attesterd hashes itself; in a guest TEE the claims have to name the
 * container.
 */
export function claimsEvidenceRequest(claims: Uint8Array): JsonObject {
  return { op: "evidence", claims: Buffer.from(claims).toString("base64") };
}

/** attesterd's answer to either. */
export function evidenceAnswer({ format, quote, collateral, endorsements }: Evidence): Record<string, JsonValue> {
  return {
    format,
    quote: Buffer.from(quote).toString("base64"),
    ...(collateral === undefined ? {} : { collateral: { ...collateral } }),
    ...(endorsements === undefined ? {} : { endorsements }),
  };
}

const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/u, "not 32 bytes in lower-case hexadecimal"));
const u16 = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff));

const identitySchema = v.object({
  mrEnclave: sha256,
  mrSigner: sha256,
  isvProdId: u16,
  isvSvn: u16,
  debug: v.boolean(),
  manifestSha256: sha256,
  appImageSha256: sha256,
});

const base64 = v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]+={0,2}$/u, "not base64"), v.maxLength(2 * MOST_QUOTE_BYTES));

const evidenceSchema = v.object({
  // Left out by an attesterd that knew one form only.
  format: v.optional(v.picklist(["sgx-quote", "tdx-quote", "snp-report", "cca-token"]), "sgx-quote"),
  quote: base64,
  collateral: v.optional(v.unknown()),
  endorsements: v.exactOptional(v.pipe(v.string(), v.maxLength(MOST_ENDORSEMENTS_CHARACTERS))),
});

/**
 * Reads the answer to `launch`, and to `identity`, which has the same form; `ok` has been looked at.
 * @throws InclavareError ERR_ATTESTERD_PROTOCOL
 */
export function parseLaunchAnswer(answer: JsonValue): EnclaveIdentity {
  return parse(v.object({ identity: identitySchema }), answer, "identity").identity;
}

/** @returns MRENCLAVE. @throws InclavareError ERR_ATTESTERD_PROTOCOL */
export function parseMeasureAnswer(answer: JsonValue): Uint8Array {
  return new Uint8Array(Buffer.from(parse(v.object({ mrEnclave: sha256 }), answer, "measurement").mrEnclave, "hex"));
}

/** @throws InclavareError ERR_ATTESTERD_PROTOCOL, and what `parseCollateralBundle` throws */
export function parseEvidenceAnswer(answer: JsonValue): Evidence {
  const { format, quote, collateral, endorsements } = parse(evidenceSchema, answer, "evidence");
  return {
    format,
    quote: new Uint8Array(Buffer.from(quote, "base64")),
    ...(collateral === undefined ? {} : { collateral: parseCollateralBundle(collateral, "collateral of attesterd") }),
    ...(endorsements === undefined ? {} : { endorsements }),
  };
}

function parse<const S extends v.GenericSchema>(schema: S, answer: JsonValue, what: string): v.InferOutput<S> {
  const result = v.safeParse(schema, answer);
  if (result.success) return result.output;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "the answer";
  throw new InclavareError("ERR_ATTESTERD_PROTOCOL", `attesterd's answer with ${what}: ${path}: ${issue.message}`);
}
