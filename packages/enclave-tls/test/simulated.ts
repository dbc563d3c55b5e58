/** Real enclaves on the simulated SGX platform, each with its own measurement. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Attester,
  type Policy,
  type TrustAnchor,
  trustAnchorsFromPem,
  type Verdict,
  verifyEvidence,
} from "@inclavare/attestation";
import { createSigstruct, generateSigningKey, Measurement, PAGE_FLAGS } from "@inclavare/sgx";
import { createPlatform } from "@inclavare/sgx-sim";
import type { Appraise, EvidencePolicy } from "../src/index.ts";

export interface SimulatedPlatform extends Disposable {
  readonly trustAnchors: readonly TrustAnchor[];
  /** Starts an enclave whose measurement depends on the given text alone. */
  launch(code: string): Attester & { readonly mrEnclave: string };
}

export async function startPlatform(now: Date = new Date()): Promise<SimulatedPlatform> {
  const directory = mkdtempSync(join(tmpdir(), "enclave-tls-platform-"));
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const platform = await createPlatform(join(directory, "platform"), { now }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const signingKey = generateSigningKey();
  return {
    trustAnchors: trustAnchorsFromPem(platform.rootCertificatePem),
    launch: (code) => {
      const measurement = Measurement.create({ sizeBytes: 65_536, ssaFrameSize: 1 });
      measurement.addRegion(0, PAGE_FLAGS.rx, Buffer.from(code));
      const mrEnclave = measurement.digest();
      const fields = { mrEnclave, isvProdId: 1, isvSvn: 1, date: now, debug: false };
      const enclave = platform.launch({ measurement, debug: false, sigstruct: createSigstruct(fields, signingKey) });
      const hex = Buffer.from(mrEnclave).toString("hex");
      return {
        tee: "simulated",
        mrEnclave: hex,
        identity: async () => ({
          mrEnclave: hex,
          mrSigner: Buffer.from(enclave.mrSigner).toString("hex"),
          isvProdId: 1,
          isvSvn: 1,
          debug: false,
          manifestSha256: "00".repeat(32),
          appImageSha256: "00".repeat(32),
        }),
        evidence: async (reportData) => ({
          format: "sgx-quote",
          quote: enclave.quote(reportData),
          collateral: platform.collateral(now),
        }),
      };
    },
    [Symbol.dispose]: remove,
  };
}

/** Accepts exactly one measurement on the simulated platform; keeps the verdicts it gave. */
export function acceptOnly(
  trustAnchors: readonly TrustAnchor[],
  mrEnclave: string,
): EvidencePolicy & { readonly verdicts: Verdict[] } {
  const verdicts: Verdict[] = [];
  const policy: Policy = {
    referenceValues: [{ mrEnclave, source: "the test" }],
    acceptedTcbStatuses: ["UpToDate"],
    allow: ["simulated"],
  };
  const appraise: Appraise = async (_evidence, claims, _claimsBytes, bytes) => {
    const { nonce = new Uint8Array(0) } = claims;
    const verdict = verifyEvidence({
      bytes,
      trustAnchors,
      now: new Date(),
      nonce,
      policy,
      allow: ["simulated"],
      evidenceOnly: false,
    });
    verdicts.push(verdict);
    return verdict;
  };
  return { evidence: "required", appraise, verdicts };
}
