/** Pieces of collateral, each by itself: what can be asked for, and what comes back. */
import type { SnpProduct } from "../snp/product.ts";

/** Which of a vendor's evaluations: its present one, the one of a recovery event just published, or a certain number. */
export type TcbChannel = { readonly update: "standard" | "early" } | { readonly evaluation: number };

type DcapTee = "sgx" | "tdx";

/** A platform that its quote names without a certificate. All in lower-case hexadecimal, as the quote has the bytes. */
export interface PlatformIdentifier {
  /** 256 or 384 bytes; left out where the quote has it in clear, which only a PCCS can resolve. */
  readonly encryptedPpid?: string;
  readonly qeId: string;
  readonly cpuSvn: string;
  readonly pceSvn: string;
  readonly pceId: string;
}

/** Everything that a verification may need beside the evidence. Bytes are lower-case hexadecimal. */
export type ArtefactRequest =
  | { readonly kind: "tcb-info"; readonly tee: DcapTee; readonly fmspc: string; readonly channel: TcbChannel }
  | { readonly kind: "qe-identity"; readonly tee: DcapTee; readonly channel: TcbChannel }
  | { readonly kind: "tcb-evaluation-numbers"; readonly tee: DcapTee }
  | { readonly kind: "pck-crl"; readonly ca: "processor" | "platform" }
  | { readonly kind: "root-crl" }
  | { readonly kind: "pck-certificate"; readonly platform: PlatformIdentifier }
  | { readonly kind: "vcek"; readonly product: SnpProduct; readonly hwid: string; readonly tcb: string }
  | { readonly kind: "snp-chain"; readonly product: SnpProduct; readonly key: "vcek" | "vlek" }
  | { readonly kind: "snp-crl"; readonly product: SnpProduct; readonly key: "vcek" | "vlek" };

/** AMD's, and Intel's. */
export type SnpRequest = Extract<ArtefactRequest, { readonly kind: "vcek" | "snp-chain" | "snp-crl" }>;
export type DcapRequest = Exclude<ArtefactRequest, SnpRequest>;

export function isSnpRequest(request: ArtefactRequest): request is SnpRequest {
  return request.kind === "vcek" || request.kind === "snp-chain" || request.kind === "snp-crl";
}

export type ArtefactKind = ArtefactRequest["kind"];

/** What a source has for a request. Nothing in it is believed before `admitArtefact` has seen it. */
export interface Artefact {
  readonly request: ArtefactRequest;
  /** A signed document's JSON exactly as it was delivered; PEM of everything else. */
  readonly body: string;
  /** PEM, signer first; left out for what a trusted root itself has signed. */
  readonly issuerChain?: string;
  /** Where it came from, for people: a URL without its query, a file. */
  readonly origin: string;
}

/** The same text for the same request, and for no other. */
export function keyOf(request: ArtefactRequest): string {
  return JSON.stringify(sorted(request));
}

function sorted(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([name, member]) => [name, sorted(member)]);
}

/** What is to be done with a request of each kind. */
type ByKind<R extends ArtefactRequest, T> = {
  readonly [K in R["kind"]]: (request: Extract<R, { readonly kind: K }>) => T;
};

export function byKind<R extends ArtefactRequest, T>(request: R, actions: ByKind<R, T>): T {
  const action = actions[request.kind as R["kind"]] as unknown as (request: R) => T;
  return action(request);
}

/** For messages. */
export function describeRequest(request: ArtefactRequest): string {
  return byKind(request, {
    "tcb-info": ({ tee, fmspc, channel }) => `TCB Info (${tee.toUpperCase()}, FMSPC ${fmspc}, ${channelName(channel)})`,
    "qe-identity": ({ tee, channel }) => `QE Identity (${tee.toUpperCase()}, ${channelName(channel)})`,
    "tcb-evaluation-numbers": ({ tee }) => `TCB evaluation data numbers (${tee.toUpperCase()})`,
    "pck-crl": ({ ca }) => `PCK CRL (${ca} CA)`,
    "root-crl": () => "root CA CRL",
    "pck-certificate": ({ platform }) => `PCK certificate (PCEID ${platform.pceId}, CPUSVN ${platform.cpuSvn})`,
    vcek: ({ product, hwid, tcb }) => `VCEK (${product}, chip ${hwid.slice(0, 16)}…, TCB ${tcb})`,
    "snp-chain": ({ product, key }) => `${key.toUpperCase()} certificate chain (${product})`,
    "snp-crl": ({ product, key }) => `${key.toUpperCase()} CRL (${product})`,
  });
}

function channelName(channel: TcbChannel): string {
  return "update" in channel ? channel.update : `evaluation ${channel.evaluation}`;
}
