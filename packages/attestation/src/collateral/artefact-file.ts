/** Artefacts as text: what the cache keeps on disk, what is exported and imported. */
import { InclavareError } from "@inclavare/errors";
import * as v from "valibot";
import { SNP_PRODUCTS } from "../snp/product.ts";
import type { Artefact, ArtefactRequest } from "./artefact.ts";

const FORMAT = "inclavare-collateral/1";
const MOST_ARTEFACTS = 4096;
const MOST_CHARACTERS = 16 << 20;

const tee = v.picklist(["sgx", "tdx"]);
const key = v.picklist(["vcek", "vlek"]);
const product = v.picklist(SNP_PRODUCTS);
const hex = (sizeBytes: number): v.GenericSchema<string, string> =>
  v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${2 * sizeBytes}}$`, "u"), `not ${sizeBytes} bytes in hexadecimal`));
const channel = v.union([
  v.strictObject({ update: v.picklist(["standard", "early"]) }),
  v.strictObject({ evaluation: v.pipe(v.number(), v.safeInteger(), v.minValue(0)) }),
]);

const request = v.variant("kind", [
  v.strictObject({ kind: v.literal("tcb-info"), tee, fmspc: hex(6), channel }),
  v.strictObject({ kind: v.literal("qe-identity"), tee, channel }),
  v.strictObject({ kind: v.literal("tcb-evaluation-numbers"), tee }),
  v.strictObject({ kind: v.literal("pck-crl"), ca: v.picklist(["processor", "platform"]) }),
  v.strictObject({ kind: v.literal("root-crl") }),
  v.strictObject({
    kind: v.literal("pck-certificate"),
    platform: v.strictObject({
      encryptedPpid: v.exactOptional(v.union([hex(256), hex(384)])),
      qeId: hex(16),
      cpuSvn: hex(16),
      pceSvn: hex(2),
      pceId: hex(2),
    }),
  }),
  v.strictObject({ kind: v.literal("vcek"), product, hwid: v.union([hex(64), hex(8)]), tcb: hex(8) }),
  v.strictObject({ kind: v.literal("snp-chain"), product, key }),
  v.strictObject({ kind: v.literal("snp-crl"), product, key }),
]) satisfies v.GenericSchema<unknown, ArtefactRequest>;

const artefact = v.strictObject({
  request,
  body: v.pipe(v.string(), v.maxLength(MOST_CHARACTERS)),
  issuerChain: v.exactOptional(v.pipe(v.string(), v.maxLength(MOST_CHARACTERS))),
  origin: v.pipe(v.string(), v.maxLength(4096)),
}) satisfies v.GenericSchema<unknown, Artefact>;

const file = v.strictObject({
  format: v.literal(FORMAT),
  artefacts: v.pipe(v.array(artefact), v.maxLength(MOST_ARTEFACTS)),
});

/** True for a file of artefacts, whether or not it is well-formed; a bundle, the other JSON of this field, has no format. */
export function isArtefactFile(json: unknown): boolean {
  return typeof json === "object" && json !== null && "format" in json;
}

/** @throws InclavareError ERR_COLLATERAL_FORMAT */
export function parseArtefacts(json: unknown, what: string): readonly Artefact[] {
  const result = v.safeParse(file, json);
  if (result.success) return result.output.artefacts;
  const [issue] = result.issues;
  const path = v.getDotPath(issue) ?? "the file";
  throw new InclavareError("ERR_COLLATERAL_FORMAT", `${what}: ${path}: ${issue.message}`);
}

export function formatArtefacts(artefacts: readonly Artefact[]): string {
  // What a verification found out is left behind: whoever reads the file finds it out for himself.
  const plain = artefacts.map(({ request, body, issuerChain, origin }): Artefact => {
    return { request, body, ...(issuerChain === undefined ? {} : { issuerChain }), origin };
  });
  return `${JSON.stringify({ format: FORMAT, artefacts: plain }, null, 1)}\n`;
}
