/** Collateral that is at hand: a bundle, a file of artefacts, what evidence brings along, a directory of all of these. */
import { type Dirent, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { InclavareError } from "@inclavare/errors";
import { type CollateralBundle, parseCollateralBundle } from "@inclavare/sgx";
import { fromPem, parseCertificate, toPem } from "@inclavare/x509";
import { inStep } from "../check.ts";
import { endorsementToPem } from "../endorsement-file.ts";
import { vekKind } from "../snp/vek.ts";
import { type Artefact, type ArtefactRequest, byKind, isSnpRequest, keyOf } from "./artefact.ts";
import { isArtefactFile, parseArtefacts } from "./artefact-file.ts";
import { toPemText } from "../pem-text.ts";
import { type DocumentName, joinSignedBody, type SignedBody } from "../dcap/signed-body.ts";
import type { CollateralSource } from "./source.ts";

const MOST_FILES = 4096;
const MOST_FILE_BYTES = 16 << 20;
const MOST_TOTAL_BYTES = 128 << 20;

/** A bundle answers every question that it has a member for; admission tells whether the member is the right one. */
export function createBundleSource(bundle: CollateralBundle, name: string): CollateralSource {
  return localSource(name, (request) => artefactsOfBundle(bundle, name, request));
}

/** Artefacts of a file, each for the very request that it was an answer to. */
export function createArtefactSource(artefacts: readonly Artefact[], name: string): CollateralSource {
  return localSource(name, (request) => artefacts.filter((artefact) => keyOf(artefact.request) === keyOf(request)));
}

/** AMD's certificates and lists in any order, as they lie beside evidence. @param pem text that may hold many of them */
export function createEndorsementSource(pem: string, name: string): CollateralSource {
  const certificates = blocks(pem, "CERTIFICATE", name);
  const named = certificates.map((text) => {
    return { text, kind: vekKind(inStep("ERR_COLLATERAL_FORMAT", name, () => parseCertificate(text))) };
  });
  const issuers = named.flatMap(({ text, kind }) => (kind === undefined ? [text] : []));
  const veks = named.flatMap(({ text, kind }) => (kind === "VCEK" ? [text] : []));
  const lists = blocks(pem, "X509 CRL", name);
  return localSource(name, (request) => {
    const one = (body: string): Artefact => ({ request, body, origin: name });
    if (!isSnpRequest(request)) return [];
    return byKind(request, {
      vcek: () => veks.map((text) => ({ ...one(text), issuerChain: issuers.join("") })),
      "snp-chain": () => (issuers.length === 0 ? [] : [one(issuers.join(""))]),
      "snp-crl": () => lists.map(one),
    });
  });
}

/**
 * Every file of a directory, whatever its name: bundles and files of artefacts (JSON), certificates, lists and
 * certificate tables. Directories in it, links and hidden files are passed over.
 * @throws InclavareError ERR_COLLATERAL_FORMAT, ERR_FILE
 */
export function createDirectorySource(directory: string): CollateralSource {
  const sources: CollateralSource[] = [];
  const endorsements: string[] = [];
  for (const { path, bytes } of readFiles(directory)) {
    const source = jsonSource(bytes, path);
    if (source === undefined) endorsements.push(endorsementToPem(bytes, path));
    else sources.push(source);
  }
  if (endorsements.length > 0) sources.push(createEndorsementSource(endorsements.join("\n"), directory));
  return {
    name: directory,
    isRemote: false,
    async fetch(request, context) {
      const found = await Promise.all(sources.map(async (source) => await source.fetch(request, context)));
      return found.flat();
    },
  };
}

/** One file of any kind that a directory may hold. @throws InclavareError ERR_COLLATERAL_FORMAT, ERR_FILE */
export function createFileSource(path: string): CollateralSource {
  const bytes = readBounded(path);
  return jsonSource(bytes, path) ?? createEndorsementSource(endorsementToPem(bytes, path), path);
}

/**
 * A JSON file of either kind. @returns `undefined` for what is no JSON at all.
 * @throws InclavareError ERR_COLLATERAL_FORMAT
 */
function jsonSource(bytes: Uint8Array, name: string): CollateralSource | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8");
  if (!text.trimStart().startsWith("{")) return undefined;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new InclavareError("ERR_COLLATERAL_FORMAT", `${name} is not JSON`, { cause });
  }
  return isArtefactFile(json)
    ? createArtefactSource(parseArtefacts(json, name), name)
    : createBundleSource(parseCollateralBundle(json, name), name);
}

function localSource(name: string, find: (request: ArtefactRequest) => readonly Artefact[]): CollateralSource {
  return { name, isRemote: false, fetch: async (request) => await Promise.resolve(find(request)) };
}

/** What a bundle has for a request, right or wrong. */
export function artefactsOfBundle(
  bundle: CollateralBundle,
  origin: string,
  request: ArtefactRequest,
): readonly Artefact[] {
  const one = (body: string, issuerChain?: string): readonly Artefact[] => {
    return body === "" ? [] : [{ request, body, origin, ...(issuerChain === undefined ? {} : { issuerChain }) }];
  };
  const list = (text: string, what: string): string => {
    return text === "" ? "" : toPemText(Buffer.from(text, "latin1"), "X509 CRL", what);
  };
  if (isSnpRequest(request)) return [];
  const signed = (name: DocumentName, document: SignedBody, chain: string): readonly Artefact[] =>
    document.text === "" ? [] : one(joinSignedBody(document, name), chain);
  const { tcb_info: info, tcb_info_signature: infoSignature } = bundle;
  const { qe_identity: identity, qe_identity_signature: identitySignature } = bundle;
  return byKind(request, {
    "tcb-info": () => signed("tcbInfo", { text: info, signature: infoSignature }, bundle.tcb_info_issuer_chain),
    "qe-identity": () => {
      const document = { text: identity, signature: identitySignature };
      return signed("enclaveIdentity", document, bundle.qe_identity_issuer_chain);
    },
    "pck-crl": () => one(list(bundle.pck_crl, "PCK CRL"), bundle.pck_crl_issuer_chain),
    "root-crl": () => one(list(bundle.root_ca_crl, "root CA CRL")),
    "pck-certificate": () => {
      const [leaf = "", ...issuers] = blocks(bundle.pck_certificate_chain ?? "", "CERTIFICATE", origin);
      return one(leaf, issuers.join(""));
    },
    "tcb-evaluation-numbers": () => [],
  });
}

function blocks(pem: string, label: "CERTIFICATE" | "X509 CRL", what: string): string[] {
  if (!pem.includes(`-----BEGIN ${label}-----`)) return [];
  return inStep("ERR_COLLATERAL_FORMAT", what, () => fromPem(pem, label, what)).map((der) => toPem(der, label));
}

function* readFiles(directory: string): Generator<{ readonly path: string; readonly bytes: Uint8Array }> {
  let total = 0;
  const names = entriesOf(directory)
    .filter((entry) => entry.isFile() && !entry.name.startsWith("."))
    .map(({ name }) => name)
    .toSorted();
  if (names.length > MOST_FILES) {
    throw new InclavareError("ERR_COLLATERAL_FORMAT", `${directory} has more than ${MOST_FILES} files`);
  }
  for (const name of names) {
    const path = join(directory, name);
    const bytes = readBounded(path);
    total += bytes.length;
    if (total > MOST_TOTAL_BYTES) {
      throw new InclavareError("ERR_COLLATERAL_FORMAT", `${directory} holds more than ${MOST_TOTAL_BYTES} bytes`);
    }
    yield { path, bytes };
  }
}

function entriesOf(directory: string): readonly Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot read directory ${directory}`, { cause });
  }
}

function readBounded(path: string): Uint8Array {
  try {
    if (statSync(path).size <= MOST_FILE_BYTES) return readFileSync(path);
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot read ${path}`, { cause });
  }
  throw new InclavareError("ERR_COLLATERAL_FORMAT", `${path} is larger than ${MOST_FILE_BYTES} bytes`);
}
