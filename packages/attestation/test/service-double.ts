/** HTTP(S) servers of ours that answer as the vendors document it, or as badly as a test wants. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { basicConstraints, createCertificate, fromPem, toPem } from "@inclavare/x509";
import type { World } from "./world.ts";

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  /** The connection breaks after so many bytes of the body. */
  readonly breakAfter?: number;
  /** Nothing is ever answered. */
  readonly silent?: boolean;
}

export type Handler = (url: URL, request: IncomingMessage) => Answer | undefined;

export interface Service extends AsyncDisposable {
  readonly url: string;
  /** Path and query of each request, in order. */
  readonly requests: string[];
  /** PEM, of a service with TLS. */
  readonly ca: string;
  handler: Handler;
}

/** What has no answer gets 404. */
export async function serve(handler: Handler, { tls = false }: { readonly tls?: boolean } = {}): Promise<Service> {
  const requests: string[] = [];
  const { key, cert } = tls ? serverIdentity() : { key: "", cert: "" };
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(request.url ?? "/", "http://localhost");
    requests.push(`${url.pathname}${url.search}`);
    respond(response, service.handler(url, request) ?? { status: 404 });
  };
  const server = tls ? createHttpsServer({ key, cert }, listener) : createHttpServer(listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const service: Service = {
    url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    requests,
    ca: cert,
    handler,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
  return service;
}

function respond(
  response: ServerResponse,
  { status = 200, headers = {}, body = "", breakAfter, silent }: Answer,
): void {
  if (silent === true) return;
  const bytes = Buffer.from(body);
  response.writeHead(status, { "content-length": bytes.length, ...headers });
  if (breakAfter === undefined) {
    response.end(bytes);
    return;
  }
  response.write(bytes.subarray(0, breakAfter), () => response.destroy());
}

let identity: { readonly key: string; readonly cert: string } | undefined;

/** A self-signed certificate for localhost. */
function serverIdentity(): { readonly key: string; readonly cert: string } {
  if (identity !== undefined) return identity;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = Buffer.from("localhost");
  const der = createCertificate({
    subject: { CN: "localhost" },
    serial: 1n,
    notBefore: new Date(Date.now() - 3_600_000),
    notAfter: new Date(Date.now() + 86_400_000),
    publicKey: createPublicKey(privateKey),
    signingKey: privateKey,
    extensions: [
      basicConstraints({ ca: true }),
      { oid: "2.5.29.17", critical: false, value: Buffer.from([0x30, name.length + 2, 0x82, name.length, ...name]) },
    ],
  });
  identity = {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: toPem(der, "CERTIFICATE"),
  };
  return identity;
}

const percent = (pem: string): string => encodeURIComponent(pem);

/** Intel's service, version 4 (and a PCCS's root CRL), for the platform of a world. @see Intel PCS API v4 */
export function pcsAnswers(world: World, { version = 4 }: { readonly version?: 3 | 4 } = {}): Handler {
  const { collateral } = world;
  const tee = collateral.qe_identity.includes('"TD_QE"') ? "tdx" : "sgx";
  const { fmspc } = JSON.parse(collateral.tcb_info) as { fmspc: string };
  const [leaf = new Uint8Array(0), ...issuers] = fromPem(world.pckChain, "CERTIFICATE", "chain");
  return (url) => {
    const query = url.searchParams;
    const base = `/certification/v${version}/`;
    switch (url.pathname) {
      case `/${tee}${base}tcb`: {
        if (query.get("fmspc") !== fmspc.toLowerCase()) return { status: 404 };
        const header = version === 3 ? "SGX-TCB-Info-Issuer-Chain" : "TCB-Info-Issuer-Chain";
        return {
          headers: { [header]: percent(collateral.tcb_info_issuer_chain) },
          body: `{"tcbInfo":${collateral.tcb_info},"signature":"${collateral.tcb_info_signature}"}`,
        };
      }
      case `/${tee}${base}qe/identity`:
        return {
          headers: { "SGX-Enclave-Identity-Issuer-Chain": percent(collateral.qe_identity_issuer_chain) },
          body: `{"enclaveIdentity":${collateral.qe_identity},"signature":"${collateral.qe_identity_signature}"}`,
        };
      case `/sgx${base}pckcrl`: {
        if (query.get("ca") !== "processor") return { status: 400 };
        const hex = collateral.pck_crl;
        return {
          headers: { "SGX-PCK-CRL-Issuer-Chain": percent(collateral.pck_crl_issuer_chain) },
          body: query.get("encoding") === "der" ? Buffer.from(hex, "hex") : hex,
        };
      }
      case `/sgx${base}rootcacrl`:
        return { body: collateral.root_ca_crl };
      case `/sgx${base}pckcert`:
        return {
          headers: {
            "SGX-PCK-Certificate-Issuer-Chain": percent(issuers.map((der) => toPem(der, "CERTIFICATE")).join("")),
          },
          body: toPem(leaf, "CERTIFICATE"),
        };
      default:
        return undefined;
    }
  };
}

/** AMD's service for one chip. @param endorsements VCEK; ASK and ARK; CRL, in PEM. @see AMD 57230 */
export function kdsAnswers([vcek = "", chain = "", crl = ""]: readonly string[], product: string): Handler {
  const der = (pem: string, label: "CERTIFICATE" | "X509 CRL"): Uint8Array =>
    fromPem(pem, label, "double")[0] ?? new Uint8Array(0);
  return ({ pathname }) => {
    if (pathname === `/vcek/v1/${product}/cert_chain`) return { body: chain };
    if (pathname === `/vcek/v1/${product}/crl` && crl !== "") return { body: der(crl, "X509 CRL") };
    if (pathname.startsWith(`/vcek/v1/${product}/`)) return { body: der(vcek, "CERTIFICATE") };
    return undefined;
  };
}
