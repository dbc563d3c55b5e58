/** Intel's Provisioning Certification Service, and the caches that answer like it (PCCS). @see Intel PCS API v3 and v4 */
import { InclavareError } from "@inclavare/errors";
import { type Artefact, byKind, type DcapRequest, isSnpRequest, type TcbChannel } from "./artefact.ts";
import { toPemText } from "../pem-text.ts";
import { decodeChainHeader } from "./chain-header.ts";
import { httpGet, type HttpAnswer, parseBaseUrl } from "./http.ts";
import type { CollateralSource } from "./source.ts";

export interface PcsOptions {
  /** Such as `https://api.trustedservices.intel.com`; a path `…/sgx/certification/v3` chooses version 3. */
  readonly url: string;
  /** PEM of the roots of the service's TLS certificate; left out: Node's own. */
  readonly ca?: string;
  /** For PCK certificates, which Intel gives to subscribers only. Never sent but over https, and in no message. */
  readonly apiKey?: string;
  /** Where the root CA's list is, for a service that has none of its own; left out: Intel's, where the service is Intel's. */
  readonly rootCrlUrl?: string;
}

interface Service {
  readonly name: string;
  /** Without the path of a TEE; no slash at its end. */
  readonly base: string;
  readonly version: 3 | 4;
  readonly isIntels: boolean;
  readonly rootCrlUrl: URL | undefined;
  readonly options: PcsOptions;
}

const API_PATH = /\/(?:sgx|tdx)\/certification\/v(\d+)\/?$/u;
const INTEL_HOST = /(?:^|\.)trustedservices\.intel\.com$/u;
const INTEL_ROOT_CRL = "https://certificates.trustedservices.intel.com/IntelSGXRootCA.der";
const API_KEY_HEADER = "Ocp-Apim-Subscription-Key";
const CHAIN_HEADERS = {
  /** The second is version 3's. */
  tcbInfo: ["tcb-info-issuer-chain", "sgx-tcb-info-issuer-chain"],
  identity: ["sgx-enclave-identity-issuer-chain"],
  numbers: ["tcb-evaluation-data-numbers-issuer-chain"],
  crl: ["sgx-pck-crl-issuer-chain"],
  certificate: ["sgx-pck-certificate-issuer-chain"],
} as const;

/** @throws InclavareError ERR_USAGE for a wrong address */
export function createPcsSource(options: PcsOptions): CollateralSource {
  const service = readService(options);
  return {
    name: service.name,
    isRemote: true,
    async fetch(request, { signal }) {
      if (isSnpRequest(request)) return [];
      const { url, secret = false } = questionOf(request, service);
      const answer = await httpGet(url, httpOptions(options, secret), signal);
      return [{ request, origin: answer.url, ...readAnswer(request, answer) }];
    },
  };
}

function readService(options: PcsOptions): Service {
  const url = parseBaseUrl(options.url, "the address of the certification service");
  const path = url.pathname;
  const version = Number(API_PATH.exec(path)?.[1] ?? "4");
  if (version !== 3 && version !== 4) {
    throw new InclavareError(
      "ERR_USAGE",
      `version ${version} of the certification service is unknown, expected 3 or 4`,
    );
  }
  const base = `${url.origin}${path.replace(API_PATH, "").replace(/\/+$/u, "")}`;
  const isIntels = INTEL_HOST.test(url.hostname);
  const listUrl = options.rootCrlUrl ?? (isIntels ? INTEL_ROOT_CRL : undefined);
  const rootCrlUrl = listUrl === undefined ? undefined : parseBaseUrl(listUrl, "the address of the root CA CRL");
  return { name: base, base, version, isIntels, rootCrlUrl, options };
}

function httpOptions({ ca, apiKey }: PcsOptions, secret: boolean): Parameters<typeof httpGet>[1] {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(apiKey === undefined || !secret ? {} : { secretHeaders: { [API_KEY_HEADER]: apiKey } }),
  };
}

interface Question {
  readonly url: URL;
  /** True: the API key goes with it. */
  readonly secret?: boolean;
}

/** @throws InclavareError ERR_COLLATERAL_NOT_FOUND for what this version lacks */
function questionOf(request: DcapRequest, service: Service): Question {
  const ask = (tee: "sgx" | "tdx", path: string, query: Readonly<Record<string, string>> = {}): Question => {
    if (tee === "tdx" && service.version === 3) throw lacking(service, "nothing for TDX");
    const url = new URL(`${service.base}/${tee}/certification/v${service.version}/${path}`);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
    return { url };
  };
  return byKind(request, {
    "tcb-info": ({ tee, fmspc, channel }) => ask(tee, "tcb", { fmspc, ...channelQuery(channel, service) }),
    "qe-identity": ({ tee, channel }) => ask(tee, "qe/identity", channelQuery(channel, service)),
    "tcb-evaluation-numbers": ({ tee }) => {
      if (service.version === 3) throw lacking(service, "no evaluation data numbers");
      return ask(tee, "tcbevaluationdatanumbers");
    },
    "pck-crl": ({ ca }) => ask("sgx", "pckcrl", { ca, encoding: "der" }),
    "root-crl": () => (service.rootCrlUrl === undefined ? ask("sgx", "rootcacrl") : { url: service.rootCrlUrl }),
    "pck-certificate": ({ platform: { encryptedPpid, qeId, cpuSvn, pceSvn, pceId } }) => {
      const query = {
        ...(encryptedPpid === undefined ? {} : { encrypted_ppid: encryptedPpid }),
        cpusvn: cpuSvn,
        pcesvn: pceSvn,
        pceid: pceId,
        ...(service.isIntels ? {} : { qeid: qeId }),
      };
      return { ...ask("sgx", "pckcert", query), secret: true };
    },
  });
}

function channelQuery(channel: TcbChannel, service: Service): Readonly<Record<string, string>> {
  if ("evaluation" in channel) {
    if (service.version === 3) throw lacking(service, "no evaluation by its number");
    return { tcbEvaluationDataNumber: String(channel.evaluation) };
  }
  // What stands for the default is left out: caches of older versions do not know the parameter.
  return channel.update === "standard" ? {} : { update: channel.update };
}

function lacking({ base, version }: Service, what: string): InclavareError {
  return new InclavareError("ERR_COLLATERAL_NOT_FOUND", `version ${version} of the service at ${base} has ${what}`);
}

/** @throws InclavareError ERR_COLLATERAL_FORMAT */
function readAnswer(request: DcapRequest, { headers, body }: HttpAnswer): Pick<Artefact, "body" | "issuerChain"> {
  const chain = (names: readonly string[]): string => {
    const name = names.find((candidate) => headers[candidate] !== undefined);
    return decodeChainHeader(name === undefined ? undefined : headers[name], `header ${names[0] ?? ""}`);
  };
  const text = (names: readonly string[]) => ({ body: body.toString("utf8"), issuerChain: chain(names) });
  return byKind(request, {
    "tcb-info": () => text(CHAIN_HEADERS.tcbInfo),
    "qe-identity": () => text(CHAIN_HEADERS.identity),
    "tcb-evaluation-numbers": () => text(CHAIN_HEADERS.numbers),
    "pck-crl": () => ({ body: toPemText(body, "X509 CRL", "PCK CRL"), issuerChain: chain(CHAIN_HEADERS.crl) }),
    "root-crl": () => ({ body: toPemText(body, "X509 CRL", "root CA CRL") }),
    "pck-certificate": () => {
      const certificate = toPemText(body, "CERTIFICATE", "PCK certificate");
      return { body: certificate, issuerChain: chain(CHAIN_HEADERS.certificate) };
    },
  });
}
