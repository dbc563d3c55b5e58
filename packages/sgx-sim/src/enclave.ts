/** An initialised enclave: what the CPU does in its name. */
import { randomBytes } from "node:crypto";
import {
  computeReportMac,
  decodeKeyRequest,
  decodeTargetInfo,
  encodeReport,
  encodeReportBody,
  encodeTargetInfo,
  type EnclaveReport,
  isDebug,
  type TargetInfo,
} from "@inclavare/sgx";
import type { Secs } from "./einit.ts";
import { getKey, NO_CONFIGURATION, reportKey } from "./keys.ts";
import type { PlatformState } from "./state.ts";

/** What runs in the enclave may ask for; nobody else holds this object. */
export class SimulatedEnclave {
  readonly secs: Secs;
  readonly #state: PlatformState;

  constructor(state: PlatformState, secs: Secs) {
    this.#state = state;
    this.secs = secs;
  }

  /** How other enclaves name this one as the target of their reports. */
  get targetInfo(): Uint8Array {
    const { mrEnclave, attributes, miscSelect } = this.secs;
    return encodeTargetInfo({
      mrEnclave,
      attributes,
      miscSelect,
      ...NO_CONFIGURATION,
    });
  }

  /** The report body without REPORTDATA of anybody: what this enclave is. */
  body(reportData: Uint8Array): EnclaveReport {
    const { mrEnclave, mrSigner, attributes, miscSelect, isvProdId, isvSvn, isvFamilyId, isvExtProdId } = this.secs;
    const cpuSvn = Buffer.from(this.#state.cpuSvn, "hex");
    return {
      cpuSvn,
      mrEnclave,
      mrSigner,
      attributes,
      miscSelect,
      isvProdId,
      isvSvn,
      isvFamilyId,
      isvExtProdId,
      reportData,
      ...NO_CONFIGURATION,
    };
  }

  get debug(): boolean {
    return isDebug(this.body(new Uint8Array(64)));
  }

  /** EREPORT. @param targetInfo 512 bytes. @param reportData 64 bytes. @returns 432 bytes. */
  report(targetInfo: Uint8Array, reportData: Uint8Array): Uint8Array {
    const target: TargetInfo = decodeTargetInfo(targetInfo);
    const body = encodeReportBody(this.body(reportData));
    const keyId = randomBytes(32);
    return encodeReport({ body, keyId, mac: computeReportMac(reportKey(this.#state, target, keyId), body) });
  }

  /** EGETKEY. @param keyRequest 512 bytes. @returns 16 bytes. */
  key(keyRequest: Uint8Array): Uint8Array {
    return getKey(this.#state, this.secs, decodeKeyRequest(keyRequest));
  }
}
