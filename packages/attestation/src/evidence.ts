import type { CollateralBundle } from "@inclavare/sgx";

/**
 * What kind of TEE evidence speaks for. `simulated` is not a format: it is any evidence whose trust anchor is not a
 * hardware vendor's. `unknown` stands in the verdict over bytes that are of no known form.
 */
export type Tee = "sgx" | "tdx" | "sev-snp" | "cca" | "psa" | "nitro" | "sev" | "sev-es" | "simulated" | "unknown";

/** Evidence as an attester makes it, with the collateral that the attester can add. */
export interface Evidence {
  readonly format: "sgx-quote" | "tdx-quote" | "snp-report" | "cca-token";
  /** The quote, report or token as it was made; bytes after a quote's signature data are ignored. */
  readonly quote: Uint8Array;
  readonly collateral?: CollateralBundle;
  /** PEM certificates and revocation lists that endorse the platform. */
  readonly endorsements?: string;
}

/** What an enclave is, in SGX's terms and in those of our own image format. Hashes are lower-case hex. */
export interface EnclaveIdentity {
  readonly mrEnclave: string;
  readonly mrSigner: string;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly debug: boolean;
  readonly manifestSha256: string;
  readonly appImageSha256: string;
}

/** The source of an enclave's own evidence. */
export interface Attester {
  readonly tee: Tee;
  identity(): Promise<EnclaveIdentity>;
  /**
   * @param reportData exactly 64 bytes, which the evidence will carry; see `reportDataFor`.
   */
  evidence(reportData: Uint8Array): Promise<Evidence>;
  /**
   * The same over a whole claims buffer, for a source that looks at the claims before it vouches for them, as attesterd does
   * in a guest TEE. Left out: report data suffices.
   */
  evidenceOver?(claims: Uint8Array): Promise<Evidence>;
}
