/** Where the PCK certificate chain of a quote comes from. @see Intel SGX ECDSA quote library API, certification data types */
import type { CollateralBundle, QuoteEnvelope } from "@inclavare/sgx";
import { CheckFailure } from "../check.ts";
import { type Chain, type Known, verifyChain } from "./chain.ts";
import { type PckExtensions, readPckExtensions } from "./pck-extensions.ts";
import type { TrustAnchor } from "../trust-anchors.ts";

const LEAF_ONLY = 4;
const WHOLE_CHAIN = 5;
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/gu;

/** Who says that the platform is genuine: its PCK certificate, the chain above it, the root that it ends in. */
export interface Endorser {
  readonly chain: Chain | undefined;
  readonly pck: PckExtensions | undefined;
  readonly anchor: TrustAnchor | undefined;
}

interface PckChain {
  readonly chain: Chain;
  readonly extensions: PckExtensions;
}

/** @throws CheckFailure ERR_PCK_CHAIN */
export function verifyPckChain(pem: string, known: Known): PckChain {
  return known.cache.remember("chain pck", [pem], () => {
    const chain = verifyChain("pck", pem, { code: "ERR_PCK_CHAIN", ...known });
    return { chain, extensions: readPckExtensions(chain.leaf) };
  });
}

/**
 * Type 5 carries the chain. Type 4 carries the leaf alone, types 1 to 3 only name the platform: the rest comes from the
 * collateral or the endorsements. It needs no further binding, since the PCK key must have signed the QE report.
 * @throws CheckFailure ERR_COLLATERAL_MISSING where there is none
 */
export function findPckChain(
  { certificationData: { type, data } }: QuoteEnvelope,
  { collateral, endorsements }: { readonly collateral?: CollateralBundle; readonly endorsements?: string },
): { readonly pem: string; readonly source: string } {
  if (type === WHOLE_CHAIN) return { pem: latin1(data), source: "the quote" };
  const given = collateral?.pck_certificate_chain ?? endorsements;
  const source = collateral?.pck_certificate_chain === undefined ? "the endorsements" : "the collateral";
  if (type === LEAF_ONLY) {
    const issuers = given === undefined ? collateral?.pck_crl_issuer_chain : issuersOf(given);
    if (issuers !== undefined) return { pem: `${latin1(data)}\n${issuers}`, source: "quote and collateral" };
  } else if (given !== undefined) {
    return { pem: given, source };
  }
  throw new CheckFailure(
    "ERR_COLLATERAL_MISSING",
    `a quote with certification data type ${type} needs a PCK chain beside it`,
    {
      expected: "pck_certificate_chain in the collateral, or an endorsement",
      actual: "neither",
    },
  );
}

/** The chain without its leaf, which the quote has brought; the whole of it where there are issuers only. */
function issuersOf(pem: string): string {
  return (pem.match(PEM_BLOCK) ?? []).slice(-2).join("\n");
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
