/** The endorsements of an SEV-SNP report. */
import { type InclavareError, isInclavareError } from "@inclavare/errors";
import { decodeSnpReport, type SnpReport } from "../snp/decode.ts";
import { parseEndorsements } from "../snp/endorsements.ts";
import { productOfCpuid, type SnpProduct } from "../snp/product.ts";
import { readVek, type Vek, vekKind } from "../snp/vek.ts";
import { obtain, type Places } from "./obtain.ts";

const TURIN_HWID_BYTES = 8;

interface Resolved {
  readonly endorsements: readonly string[];
  readonly sourceFailures: readonly InclavareError[];
}

/**
 * Keys and chains that came with the evidence are taken as they are, since nothing in them grows old but by its date, and
 * AMD's service answers one such question in ten seconds. A revocation list is wanted newer than the evidence has it.
 * @throws InclavareError for a report that no endorsement could save
 */
export async function resolveSnpEndorsements(
  reportBytes: Uint8Array,
  { given, ...places }: Places & { readonly given: readonly string[] },
): Promise<Resolved> {
  const report = decodeSnpReport(reportBytes);
  const { certificates } = parseEndorsements(given.join("\n"));
  const names = new Set(certificates.map(({ subject }) => subject.commonName));
  const brought = certificates.flatMap((certificate) => {
    const kind = vekKind(certificate);
    return kind === undefined ? [] : [readVek(certificate, kind)];
  });
  const found = brought.find((vek) => isFor(vek, report));
  const endorsements = [...given];
  const sourceFailures: InclavareError[] = [];
  let product = found?.product ?? productOf(report);
  if (found === undefined && report.signingKey === "VCEK" && !isAnonymous(report)) {
    const outcome = await findVcek(report, product, places);
    endorsements.push(...outcome.endorsements);
    sourceFailures.push(...outcome.sourceFailures);
    product ??= outcome.product;
  }
  if (product === undefined || report.signingKey === "none") return { endorsements, sourceFailures };
  const key = report.signingKey === "VLEK" ? "vlek" : "vcek";
  const issuer = `SEV-${key === "vlek" ? "VLEK-" : ""}${product}`;
  const wanted = [
    ...(found !== undefined && !names.has(issuer) ? [{ kind: "snp-chain", product, key } as const] : []),
    { kind: "snp-crl", product, key } as const,
  ];
  for (const request of wanted) {
    try {
      endorsements.push((await obtain(request, places)).body);
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      // Whether it takes a list is the policy's to say.
      if (request.kind !== "snp-crl" || error.code !== "ERR_COLLATERAL_MISSING") sourceFailures.push(error);
    }
  }
  return { endorsements, sourceFailures };
}

function isFor({ kind, tcbVersion, hwid }: Vek, { signingKey, reportedTcb, chipId }: SnpReport): boolean {
  const isTcb = Buffer.compare(tcbVersion, reportedTcb) === 0;
  return (
    kind === signingKey && isTcb && (hwid === undefined || Buffer.compare(hwid, chipId.subarray(0, hwid.length)) === 0)
  );
}

/** Without a chip id there is no key to ask for. */
function isAnonymous({ chipId }: SnpReport): boolean {
  return chipId.every((byte) => byte === 0);
}

/** From version 3 on the report says which processor it is of. */
function productOf({ cpuid }: SnpReport): SnpProduct | undefined {
  return cpuid === undefined ? undefined : productOfCpuid(cpuid.family, cpuid.model);
}

/** A report that does not say its product is of one of those that made such reports: they are asked for in turn. */
async function findVcek(
  report: SnpReport,
  known: SnpProduct | undefined,
  places: Places,
): Promise<Resolved & { readonly product?: SnpProduct }> {
  const tcb = Buffer.from(report.reportedTcb).toString("hex");
  const sourceFailures: InclavareError[] = [];
  for (const product of known === undefined ? (["Milan", "Genoa"] as const) : [known]) {
    const chipId = product === "Turin" ? report.chipId.subarray(0, TURIN_HWID_BYTES) : report.chipId;
    try {
      const request = { kind: "vcek", product, hwid: Buffer.from(chipId).toString("hex"), tcb } as const;
      const { body, issuerChain = "" } = await obtain(request, places);
      return { endorsements: [body, issuerChain], sourceFailures: [], product };
    } catch (error) {
      if (!isInclavareError(error)) throw error;
      sourceFailures.push(error);
    }
  }
  return { endorsements: [], sourceFailures };
}
