/** The quoting enclave: turns a local report into a quote that can be verified anywhere. */
import { createHash, createPublicKey, type KeyObject, sign } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import {
  createSigstruct,
  decodeReport,
  encodeKeyRequest,
  encodeQuoteSignedPart,
  encodeQuoteV3,
  encodeReportBody,
  type EnclaveReport,
  KEY_NAME,
  Measurement,
  PAGE_FLAGS,
  PAGE_SIZE,
  verifyReportMac,
} from "@inclavare/sgx";
import { privateKey } from "./certification.ts";
import { einit } from "./einit.ts";
import { SimulatedEnclave } from "./enclave.ts";
import type { PlatformState } from "./state.ts";

const SIZE_BYTES = 0x2000;
const ISV_PROD_ID = 1;
const ISV_SVN = 1;
const PCK_CHAIN = 5;
/** As Intel's quoting enclave has it: 32 bytes from 0 on. */
const AUTH_DATA = Uint8Array.from({ length: 32 }, (_, index) => index);
const SIGNED_ON = new Date("2026-01-01T00:00:00Z");

export class QuotingEnclave {
  readonly #state: PlatformState;
  readonly #enclave: SimulatedEnclave;
  readonly #attestationKey: KeyObject;
  readonly #attestationPoint: Uint8Array;
  readonly #certificationData: Uint8Array;
  /** The report that vouches for the attestation key, signed once for it by the PCK key, as certification does it. */
  readonly #certified: { readonly qeReportBytes: Uint8Array; readonly qeReportSignature: Uint8Array };

  /** Launched like any enclave: measured, signed, checked by EINIT. */
  constructor(state: PlatformState) {
    this.#state = state;
    const measurement = Measurement.create({ sizeBytes: SIZE_BYTES, ssaFrameSize: 1 });
    measurement.addPage(0, PAGE_FLAGS.tcs);
    measurement.addPage(
      PAGE_SIZE,
      PAGE_FLAGS.rx,
      Buffer.concat([Buffer.from("Inclavare simulated quoting enclave 1")], PAGE_SIZE),
    );
    const fields = {
      mrEnclave: measurement.digest(),
      isvProdId: ISV_PROD_ID,
      isvSvn: ISV_SVN,
      date: SIGNED_ON,
      debug: false,
      provisionKey: true,
    };
    const sigstruct = createSigstruct(fields, privateKey(state, "quotingEnclaveSigner"));
    this.#enclave = new SimulatedEnclave(state, einit({ measurement, sigstruct, debug: false, privileged: true }));
    this.#attestationKey = privateKey(state, "attestation");
    this.#attestationPoint = pointOf(this.#attestationKey);
    const { pck, pckCa, root } = state.certificates;
    this.#certificationData = Buffer.from(`${pck}${pckCa}${root}\0`);
    const binding = createHash("sha256").update(this.#attestationPoint).update(AUTH_DATA).digest();
    const qeReportBytes = encodeReportBody(this.#enclave.body(Buffer.concat([binding], 64)));
    this.#certified = { qeReportBytes, qeReportSignature: signRaw(qeReportBytes, privateKey(state, "pck")) };
  }

  /** What the QE Identity is to say of it. */
  get report(): EnclaveReport {
    return this.#enclave.body(new Uint8Array(64));
  }

  get targetInfo(): Uint8Array {
    return this.#enclave.targetInfo;
  }

  /**
   * @param report 432 bytes, made for {@link targetInfo} on this platform.
   * @throws ERR_SGX_INVALID_REPORT for a report of another platform, for another target, or altered.
   */
  quote(report: Uint8Array): Uint8Array {
    const decoded = decodeReport(report);
    const keyRequest = encodeKeyRequest({
      keyName: KEY_NAME.report,
      keyPolicy: 0,
      isvSvn: 0,
      cpuSvn: new Uint8Array(16),
      attributeMask: { flags: 0n, xfrm: 0n },
      keyId: decoded.keyId,
      miscMask: 0,
      configSvn: 0,
    });
    if (!verifyReportMac(this.#enclave.key(keyRequest), decoded)) {
      throw new InclavareError(
        "ERR_SGX_INVALID_REPORT",
        "the report was not made for this quoting enclave on this platform",
      );
    }
    const userData = Buffer.concat([Buffer.from(this.#state.ppid, "hex")], 20);
    const signedBytes = encodeQuoteSignedPart({ qeSvn: ISV_SVN, pceSvn: this.#state.pceSvn, userData }, decoded.body);
    return encodeQuoteV3({
      signedBytes,
      signature: signRaw(signedBytes, this.#attestationKey),
      attestationKey: this.#attestationPoint,
      ...this.#certified,
      qeAuthData: AUTH_DATA,
      certificationData: { type: PCK_CHAIN, data: this.#certificationData },
    });
  }
}

/**
 * r and s, 32 bytes each, big-endian. Made from DER: asking Node for the raw form costs as much again as the signature.
 */
function signRaw(bytes: Uint8Array, key: KeyObject): Uint8Array {
  const der = sign("sha256", bytes, key);
  const raw = new Uint8Array(64);
  let offset = 2;
  for (const end of [32, 64]) {
    const length = der[offset + 1] ?? 0;
    const integer = der.subarray(offset + 2, offset + 2 + length);
    const digits = integer.subarray(Math.max(0, length - 32)); // without the zero that keeps it positive
    raw.set(digits, end - digits.length);
    offset += 2 + length;
  }
  return raw;
}

/** X and Y, 32 bytes each, big-endian. */
function pointOf(key: KeyObject): Uint8Array {
  const { x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  return Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]);
}
