/** One machine's simulated SGX platform: its CPU, its quoting enclave, and the authority that certified it. */
import { randomBytes } from "node:crypto";
import type { CollateralBundle, Measurement } from "@inclavare/sgx";
import { certify } from "./certification.ts";
import { issueCollateral } from "./collateral.ts";
import { einit } from "./einit.ts";
import { SimulatedEnclave } from "./enclave.ts";
import { QuotingEnclave } from "./quoting-enclave.ts";
import { assertAbsent, type PlatformState, readState, STATE_FORMAT, writeState } from "./state.ts";

/** No CPU has this FMSPC: a platform that is simulated names itself nothing else. */
const FMSPC = "53494d000001";
const PCE_ID = "0000";
const CPU_SVN = "01010101000000000000000000000000";
const PCE_SVN = 1;

export interface LaunchOptions {
  readonly measurement: Measurement;
  readonly debug: boolean;
  /** 1808 bytes. */
  readonly sigstruct: Uint8Array;
}

/** An enclave that EINIT let in. */
export interface LaunchedEnclave {
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly debug: boolean;
  /** EREPORT: 432 bytes. */
  report(targetInfo: Uint8Array, reportData: Uint8Array): Uint8Array;
  /** EREPORT for the quoting enclave, and its quote: version 3, with the PCK chain. @param reportData 64 bytes. */
  quote(reportData: Uint8Array): Uint8Array;
  /** EGETKEY: 16 bytes. */
  key(keyRequest: Uint8Array): Uint8Array;
}

export interface Platform {
  /** The root of trust that verifies this platform's evidence, and no other's. */
  readonly rootCertificatePem: string;
  /** @throws ERR_SGX_SIZE, ERR_SGX_INVALID_SIG_STRUCT, _SIGNATURE, _MEASUREMENT, _ATTRIBUTE */
  launch(options: LaunchOptions): LaunchedEnclave;
  /** Fresh collateral: issued a day before `now`, current until 30 days after it. */
  collateral(now: Date): CollateralBundle;
}

/** Creates a platform, once: directory 0700, files 0600. @throws ERR_SGX_PLATFORM when there is one. */
export async function createPlatform(directory: string, { now }: { readonly now: Date }): Promise<Platform> {
  // Early, so that no keys are made in vain; writeState still decides.
  assertAbsent(directory);
  const hex = (sizeBytes: number): string => randomBytes(sizeBytes).toString("hex");
  const identity = { cpuSvn: CPU_SVN, pceSvn: PCE_SVN, ppid: hex(16), fmspc: FMSPC, pceId: PCE_ID };
  const secrets = { fuses: { root: hex(32), seal: hex(32) }, ownerEpoch: hex(16) };
  const state: PlatformState = { format: STATE_FORMAT, ...secrets, ...identity, ...certify(identity, now) };
  writeState(directory, state);
  return platformOf(state);
}

/** @throws ERR_SGX_PLATFORM when there is none, it is damaged, or others than its owner could read it. */
export function openPlatform(directory: string): Platform {
  return platformOf(readState(directory));
}

function platformOf(state: PlatformState): Platform {
  const quotingEnclave = new QuotingEnclave(state);
  return {
    rootCertificatePem: state.certificates.root,
    // Member by member: nothing else in the caller's object reaches EINIT.
    launch: ({ measurement, debug, sigstruct }) =>
      launched(new SimulatedEnclave(state, einit({ measurement, debug, sigstruct })), quotingEnclave),
    collateral: (now) => issueCollateral(state, quotingEnclave, now),
  };
}

function launched(enclave: SimulatedEnclave, quotingEnclave: QuotingEnclave): LaunchedEnclave {
  const { mrEnclave, mrSigner, isvProdId, isvSvn } = enclave.secs;
  return {
    mrEnclave,
    mrSigner,
    isvProdId,
    isvSvn,
    debug: enclave.debug,
    report: (targetInfo, reportData) => enclave.report(targetInfo, reportData),
    quote: (reportData) => quotingEnclave.quote(enclave.report(quotingEnclave.targetInfo, reportData)),
    key: (keyRequest) => enclave.key(keyRequest),
  };
}
