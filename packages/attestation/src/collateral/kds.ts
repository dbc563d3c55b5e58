/** AMD's Key Distribution Service. It has VCEKs, the chains of VCEKs and VLEKs, and their lists; VLEKs the cloud keeps. @see AMD 57230 */
import { InclavareError } from "@inclavare/errors";
import type { PemLabel } from "@inclavare/x509";
import { decodeTcbVersion } from "../snp/product.ts";
import { type Artefact, byKind, isSnpRequest, type SnpRequest } from "./artefact.ts";
import { toPemText } from "../pem-text.ts";
import { httpGet, parseBaseUrl } from "./http.ts";
import type { CollateralSource } from "./source.ts";

export interface KdsOptions {
  /** Such as `https://kdsintf.amd.com`. */
  readonly url: string;
  /** PEM of the roots of the service's TLS certificate; left out: Node's own. */
  readonly ca?: string;
}

type Vcek = Extract<SnpRequest, { readonly kind: "vcek" }>;

/** @throws InclavareError ERR_USAGE for a wrong address */
export function createKdsSource({ url, ca }: KdsOptions): CollateralSource {
  const base = parseBaseUrl(url, "the address of the key distribution service");
  const name = `${base.origin}${base.pathname.replace(/\/+$/u, "")}`;
  const options = ca === undefined ? {} : { ca };
  return {
    name,
    isRemote: true,
    async fetch(request, { signal, lookUp }): Promise<readonly Artefact[]> {
      if (!isSnpRequest(request)) return [];
      const ask = async (path: string, label: PemLabel, what: string): Promise<Artefact> => {
        const answer = await httpGet(new URL(`${name}${path}`), options, signal);
        return { request, origin: answer.url, body: toPemText(answer.body, label, what) };
      };
      const artefact = await byKind<SnpRequest, Promise<Artefact>>(request, {
        vcek: async (vcek) => {
          // First the chain, which all chips of a product share: the key is believed only under it.
          const { body: issuerChain } = await lookUp({ kind: "snp-chain", product: vcek.product, key: "vcek" });
          return { ...(await ask(vcekPath(vcek), "CERTIFICATE", "VCEK")), issuerChain };
        },
        "snp-chain": async ({ key, product }) =>
          await ask(`/${key}/v1/${product}/cert_chain`, "CERTIFICATE", "certificate chain"),
        "snp-crl": async ({ key, product }) => await ask(`/${key}/v1/${product}/crl`, "X509 CRL", "CRL"),
      });
      return [artefact];
    },
  };
}

const TCB_BYTES = 8;

/** The key of one chip at one TCB; the parts of the TCB in decimal, of two digits at least. */
function vcekPath({ product, hwid, tcb }: Vcek): string {
  const version = Buffer.from(tcb, "hex");
  if (version.length !== TCB_BYTES) throw new InclavareError("ERR_INTERNAL", `a TCB of ${version.length} bytes`);
  const { fmc, bootLoader, tee, snp, microcode } = decodeTcbVersion(version, product);
  const parts = [
    ...(fmc === undefined ? [] : [["fmcSPL", fmc] as const]),
    ["blSPL", bootLoader] as const,
    ["teeSPL", tee] as const,
    ["snpSPL", snp] as const,
    ["ucodeSPL", microcode] as const,
  ];
  const query = parts.map(([name, spl]) => `${name}=${String(spl).padStart(2, "0")}`).join("&");
  return `/vcek/v1/${product}/${hwid}?${query}`;
}
