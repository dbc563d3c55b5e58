/** Collateral as a command line names it: files, services, the cache in Shelter's state. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { CollateralBundle, TrustAnchor } from "@inclavare/attestation";
import type {
  CollateralCache,
  CollateralSource,
  CollateralStore,
  ResolvedCollateral,
  TcbChannel,
} from "@inclavare/attestation/collateral";
import { InclavareError } from "@inclavare/errors";
import { prepareStateDirectory } from "./state-directory.ts";

const DEFAULT_TIMEOUT_S = 30;
const MAX_TIMEOUT_S = 600;
const MOST_KEY_CHARACTERS = 512;

/** Services and where their answers are kept. */
export const serviceOptions = {
  pcs: { type: "string", value: "URL", help: "Intel's certification service, or a PCCS, to get collateral from" },
  "pcs-key": { type: "string", value: "FILE", help: "file with the API key of that service, for PCK certificates" },
  kds: { type: "string", value: "URL", help: "AMD's key service, or one like it, to get endorsements from" },
  ca: { type: "string", value: "PEM", help: "roots of these services' TLS certificates (default: the system's)" },
  "root-crl": { type: "string", value: "URL", help: "where the root CA's list is, if not at the service" },
  evaluation: {
    type: "string",
    value: "WHICH",
    help: "which of Intel's evaluations: standard, early or a number (default: standard)",
  },
  offline: { type: "boolean", help: "ask no service; take what the cache has" },
  "service-timeout": {
    type: "string",
    value: "SECONDS",
    help: `for one piece of collateral (default: ${DEFAULT_TIMEOUT_S})`,
  },
} as const;

export interface ServiceValues {
  readonly pcs: string | undefined;
  readonly "pcs-key": string | undefined;
  readonly kds: string | undefined;
  readonly ca: string | undefined;
  readonly "root-crl": string | undefined;
  readonly evaluation: string | undefined;
  readonly offline: boolean;
  readonly "service-timeout": string | undefined;
}

export interface CollateralPlaces {
  readonly state: string;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly now: () => Date;
  /** The verification is as of another time than the present: the cache is left as it is. */
  readonly isHistoric?: boolean;
}

/** Whether a command line names anything beside files of one verification. */
export function namesServices({ pcs, kds, offline }: ServiceValues): boolean {
  return pcs !== undefined || kds !== undefined || offline;
}

/** The cache in Shelter's state. @throws InclavareError ERR_FILE, ERR_STATE_DIRECTORY */
export async function openStore(state: string): Promise<CollateralStore> {
  const { CollateralStore } = await import("@inclavare/attestation/collateral");
  prepareStateDirectory(state);
  return new CollateralStore(join(state, "collateral"));
}

/** The cache with the services behind it that were named; none of them with `--offline`. @throws InclavareError ERR_USAGE */
export async function openCache(
  values: ServiceValues,
  { state, trustAnchors, now, isHistoric = false }: CollateralPlaces,
): Promise<CollateralCache> {
  const { CollateralCache, createKdsSource, createPcsSource } = await import("@inclavare/attestation/collateral");
  const ca = values.ca === undefined ? {} : { ca: readText(values.ca) };
  const apiKey = values["pcs-key"] === undefined ? {} : { apiKey: readApiKey(values["pcs-key"]) };
  const rootCrlUrl = values["root-crl"] === undefined ? {} : { rootCrlUrl: values["root-crl"] };
  const sources = [
    ...(values.pcs === undefined ? [] : [createPcsSource({ url: values.pcs, ...ca, ...apiKey, ...rootCrlUrl })]),
    ...(values.kds === undefined ? [] : [createKdsSource({ url: values.kds, ...ca })]),
  ];
  return new CollateralCache({
    sources: values.offline ? [] : sources,
    trustAnchors,
    now,
    store: await openStore(state),
    readOnly: isHistoric,
    timeoutMs: parseTimeout(values["service-timeout"]),
  });
}

/** What finds the collateral of one piece of evidence after another. */
export type Resolve = (bytes: Uint8Array, endorsements: readonly string[]) => Promise<ResolvedCollateral>;

/**
 * @param collateral a bundle, another file of collateral, or a directory of such files.
 * @returns the bundle as it is where nothing else was named, since then nothing is to be found; or what finds collateral;
 *   or neither, where the command line names none.
 * @throws InclavareError ERR_USAGE, ERR_COLLATERAL_FORMAT, ERR_FILE, ERR_FILE_NOT_FOUND, ERR_STATE_DIRECTORY
 */
export async function openCollateral(
  values: ServiceValues & { readonly collateral: string | undefined },
  places: CollateralPlaces,
): Promise<{ readonly bundle?: CollateralBundle; readonly resolve?: Resolve }> {
  const { collateral: path } = values;
  const isNamed = namesServices(values);
  if (path === undefined && !isNamed) return {};
  if (path !== undefined && !isNamed && !isDirectory(path)) {
    const { readCollateral } = await import("./inputs.ts");
    const bundle = readCollateral(path);
    if (bundle !== undefined) return { bundle };
  }
  const local = path === undefined ? [] : [await openLocal(path)];
  const cache = isNamed ? await openCache(values, places) : await emptyCache(places);
  const channel = parseEvaluation(values.evaluation);
  const { resolveCollateral } = await import("@inclavare/attestation/collateral");
  const resolve: Resolve = async (bytes, endorsements) =>
    await resolveCollateral(bytes, { cache, local, channel, endorsements });
  return { resolve };
}

/** Files are taken as they are: nothing is kept of them. */
async function emptyCache({ trustAnchors, now }: CollateralPlaces): Promise<CollateralCache> {
  const { CollateralCache } = await import("@inclavare/attestation/collateral");
  return new CollateralCache({ sources: [], trustAnchors, now });
}

async function openLocal(path: string): Promise<CollateralSource> {
  const { createDirectorySource, createFileSource } = await import("@inclavare/attestation/collateral");
  return isDirectory(path) ? createDirectorySource(path) : createFileSource(path);
}

/** @throws InclavareError ERR_USAGE */
export function parseEvaluation(text: string = "standard"): TcbChannel {
  if (text === "standard" || text === "early") return { update: text };
  if (/^\d{1,9}$/u.test(text)) return { evaluation: Number(text) };
  throw new InclavareError("ERR_USAGE", `--evaluation is "${text}", expected standard, early or a number`);
}

function parseTimeout(text: string | undefined): number {
  const seconds = text === undefined ? DEFAULT_TIMEOUT_S : Number(text);
  if (Number.isSafeInteger(seconds) && seconds >= 1 && seconds <= MAX_TIMEOUT_S) return seconds * 1000;
  throw new InclavareError("ERR_USAGE", `--service-timeout is "${text}", expected 1 to ${MAX_TIMEOUT_S} seconds`);
}

/** One line; it is never shown. */
function readApiKey(path: string): string {
  const key = readText(path).trim();
  if (/^[\x21-\x7e]+$/u.test(key) && key.length <= MOST_KEY_CHARACTERS) return key;
  throw new InclavareError("ERR_USAGE", `${path} holds no API key: expected one line without spaces`);
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    throw new InclavareError("ERR_FILE", `cannot read ${path}`, { cause });
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
