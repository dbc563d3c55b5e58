/** Where a launched container's evidence comes from: the simulated CPU's keys, or the hardware of the guest around us. */
import {
  decodeClaims,
  encodeContainerClaim,
  type Evidence,
  type EnclaveIdentity,
  reportDataFor,
  type Tee,
} from "@inclavare/attestation";
import type { Quoter } from "@inclavare/attestation/attesters";
import { InclavareError } from "@inclavare/errors";
import { einit, type LaunchOptions, type Platform } from "@inclavare/sgx-sim";

/** What evidence is asked over: the claims themselves, or 64 bytes that stand for some. */
export type EvidenceRequest = { readonly claims: Uint8Array } | { readonly reportData: Uint8Array };

/** A container that EINIT's rules have let in. */
export interface LaunchedContainer {
  readonly identity: Pick<EnclaveIdentity, "mrEnclave" | "mrSigner" | "isvProdId" | "isvSvn" | "debug">;
  /** @throws InclavareError ERR_EVIDENCE_UNBOUND, ERR_CLAIMS_FORMAT, and the reasons of the TEE */
  evidence(request: EvidenceRequest): Promise<Evidence>;
}

export interface EvidenceProvider {
  /** For people: what the evidence is of. */
  readonly tee: Tee;
  /** @throws InclavareError ERR_SGX_SIZE, ERR_SGX_INVALID_SIG_STRUCT, _SIGNATURE, _MEASUREMENT, _ATTRIBUTE */
  launch(options: LaunchOptions): LaunchedContainer;
}

/** Containers as enclaves of a simulated platform: the quote names each one's measurement itself. */
export function simulatedProvider(platform: Platform): EvidenceProvider {
  return {
    tee: "simulated",
    launch(options) {
      const enclave = platform.launch(options);
      return {
        identity: identityOf(enclave),
        async evidence(request) {
          const reportData = "claims" in request ? reportDataFor(request.claims) : request.reportData;
          const collateral = platform.collateral(new Date());
          return await Promise.resolve({ format: "sgx-quote", quote: enclave.quote(reportData), collateral });
        },
      };
    },
  };
}

/**
 * Containers in a guest that is the TEE as a whole. The hardware's evidence speaks of the guest alone, so the container is
 * named in the claims; evidence is made over no claims that name another one, or none.
 */
export function guestProvider(quoter: Quoter): EvidenceProvider {
  return {
    tee: quoter.tee,
    launch({ measurement, debug, sigstruct }) {
      const identity = identityOf({ ...einit({ measurement, debug, sigstruct }), debug });
      const claim = encodeContainerClaim(identity);
      return {
        identity,
        async evidence(request) {
          if (!("claims" in request)) {
            const message = "in a guest TEE evidence is made over whole claims, which have to name the container";
            throw new InclavareError("ERR_EVIDENCE_UNBOUND", message);
          }
          const { container } = decodeClaims(request.claims);
          if (container === undefined || Buffer.compare(container, claim) !== 0) {
            const message = "the claims do not name the container that was measured on this connection";
            throw new InclavareError("ERR_EVIDENCE_UNBOUND", message);
          }
          return await quoter.evidence(reportDataFor(request.claims));
        },
      };
    },
  };
}

type Measured = Pick<EnclaveIdentity, "isvProdId" | "isvSvn" | "debug"> & {
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
};

function identityOf({ mrEnclave, mrSigner, isvProdId, isvSvn, debug }: Measured): LaunchedContainer["identity"] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return { mrEnclave: hex(mrEnclave), mrSigner: hex(mrSigner), isvProdId, isvSvn, debug };
}
