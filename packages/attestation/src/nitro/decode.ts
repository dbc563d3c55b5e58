/** Decoding of AWS Nitro Enclaves attestation documents. @see AWS Nitro Enclaves, "Verifying the root of trust", document specification */
import { InclavareError } from "@inclavare/errors";
import { type Certificate, parseCertificate } from "@inclavare/x509";
import { inStep } from "../check.ts";
import { ClaimReader } from "../cose/claims.ts";
import { type CoseSign1, decodePayload, decodeSign1 } from "../cose/sign1.ts";
import type { NitroMeasurement } from "../measurement.ts";

const CODE = "ERR_EVIDENCE_FORMAT";
const DIGEST = "SHA384";
const PCR_BYTES = 48;
const MOST_PCRS = 32;
/** Of the measured image; all of them are zero in debug mode. */
const IMAGE_PCRS = [0, 1, 2] as const;
const MOST_CERTIFICATES = 16;
const CERTIFICATE_BYTES = { least: 1, most: 4096 };
const FIELD_BYTES = { least: 0, most: 1024 };

export interface NitroDocument {
  readonly token: CoseSign1;
  readonly moduleId: string;
  readonly timestamp: Date;
  /** By index; 48 bytes each. */
  readonly pcrs: ReadonlyMap<number, Uint8Array>;
  readonly certificate: Certificate;
  /** Root first. */
  readonly caBundle: readonly Certificate[];
  readonly publicKey?: Uint8Array;
  readonly userData?: Uint8Array;
  readonly nonce?: Uint8Array;
}

/** @throws InclavareError ERR_EVIDENCE_FORMAT; ERR_EVIDENCE_UNSUPPORTED for an unknown algorithm */
export function decodeNitroDocument(bytes: Uint8Array): NitroDocument {
  const what = "Nitro document";
  const token = decodeSign1(bytes, what);
  const payload = decodePayload(token, what);
  const reader = new ClaimReader(payload, what);
  const digest = reader.text("digest", "digest");
  if (digest !== DIGEST) throw new InclavareError(CODE, `${what} has digest "${digest}", expected ${DIGEST}`);
  const bundle = reader.list("cabundle", "cabundle", MOST_CERTIFICATES);
  const bundleReader = new ClaimReader(new Map(bundle.entries()), `${what}, cabundle`);
  const [publicKey, userData, nonce] = (["public_key", "user_data", "nonce"] as const).map((name) => {
    return reader.optionalBytes(name, name, FIELD_BYTES);
  });
  const milliseconds = reader.integer("timestamp", "timestamp", { least: 1, most: 8.64e15 });
  return {
    token,
    moduleId: reader.text("module_id", "module_id"),
    timestamp: new Date(milliseconds),
    pcrs: readPcrs(payload.get("pcrs"), what),
    certificate: readCertificate(reader.bytes("certificate", "certificate", CERTIFICATE_BYTES), `${what}, certificate`),
    caBundle: bundle.map((_, index) => {
      const name = `certificate ${index + 1}`;
      return readCertificate(bundleReader.bytes(index, name, CERTIFICATE_BYTES), `${what}, cabundle, ${name}`);
    }),
    ...(publicKey === undefined ? {} : { publicKey }),
    ...(userData === undefined ? {} : { userData }),
    ...(nonce === undefined ? {} : { nonce }),
  };
}

function readCertificate(der: Uint8Array, what: string): Certificate {
  return inStep(CODE, what, () => parseCertificate(der, what));
}

function readPcrs(value: unknown, what: string): ReadonlyMap<number, Uint8Array> {
  const pcrs = new Map<number, Uint8Array>();
  if (!(value instanceof Map) || value.size === 0 || value.size > MOST_PCRS) {
    throw new InclavareError(CODE, `${what} has no map of 1 to ${MOST_PCRS} PCRs`);
  }
  for (const [index, pcr] of value as ReadonlyMap<unknown, unknown>) {
    const isIndex = typeof index === "number" && Number.isInteger(index) && index >= 0 && index < MOST_PCRS;
    if (!isIndex || !(pcr instanceof Uint8Array) || pcr.length !== PCR_BYTES) {
      throw new InclavareError(
        CODE,
        `${what} has a PCR that is not an index below ${MOST_PCRS} with ${PCR_BYTES} bytes`,
      );
    }
    pcrs.set(index, pcr);
  }
  const missing = IMAGE_PCRS.find((index) => !pcrs.has(index));
  if (missing !== undefined) throw new InclavareError(CODE, `${what} has no PCR${missing}`);
  return pcrs;
}

export function measurementOfEnclave({ pcrs, moduleId }: NitroDocument): NitroMeasurement {
  const isZero = (index: number): boolean => pcrs.get(index)?.every((byte) => byte === 0) === true;
  return {
    tee: "nitro",
    ...Object.fromEntries([...pcrs].map(([index, pcr]) => [`pcr${index}`, Buffer.from(pcr).toString("hex")])),
    moduleId,
    debug: IMAGE_PCRS.every(isZero),
  };
}
