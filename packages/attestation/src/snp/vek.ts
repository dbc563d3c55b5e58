/** The key that signs reports: VCEK (one chip) or VLEK (one cloud provider). @see AMD 57230, VCEK and VLEK certificates */
import { type Certificate, readDer, readOctetString, readSmallInteger, readString } from "@inclavare/x509";
import { CheckFailure, inStep } from "../check.ts";
import { encodeTcbVersion, productOfName, type SnpProduct, type SnpTcb } from "./product.ts";

const AMD = "1.3.6.1.4.1.3704.1";
const OID = {
  productName: `${AMD}.2`,
  bootLoader: `${AMD}.3.1`,
  tee: `${AMD}.3.2`,
  snp: `${AMD}.3.3`,
  microcode: `${AMD}.3.8`,
  fmc: `${AMD}.3.9`,
  hwid: `${AMD}.4`,
  cspId: `${AMD}.5`,
} as const;
/** Bytes 2 to 5 of TCB_VERSION on Milan and Genoa. */
const RESERVED_SPLS = [4, 5, 6, 7] as const;
const HWID_BYTES: Readonly<Record<SnpProduct, number>> = { Milan: 64, Genoa: 64, Turin: 8 };
const NAMES = { VCEK: "SEV-VCEK", VLEK: "SEV-VLEK" } as const;

export type VekKind = keyof typeof NAMES;

/** What AMD certifies of the key. */
export interface Vek {
  readonly kind: VekKind;
  readonly certificate: Certificate;
  readonly productName: string;
  readonly product: SnpProduct;
  readonly tcb: SnpTcb;
  /** The TCB_VERSION that the key was derived from, as reports have it. */
  readonly tcbVersion: Uint8Array;
  /** VCEK only: 64 bytes, 8 on Turin. */
  readonly hwid?: Uint8Array;
  /** VLEK only: whose key it is. */
  readonly cspId?: string;
}

/** By its name; `undefined` for a certificate that is neither. */
export function vekKind({ subject }: Certificate): VekKind | undefined {
  return (Object.keys(NAMES) as VekKind[]).find((kind) => NAMES[kind] === subject.commonName);
}

/** @throws CheckFailure ERR_SNP_CHAIN for a missing or malformed extension; ERR_SNP_PRODUCT for an unknown product */
export function readVek(certificate: Certificate, kind: VekKind): Vek {
  const what = `${kind} certificate`;
  return inStep("ERR_SNP_CHAIN", what, () => {
    const spl = (oid: string): number =>
      readSmallInteger(readDer(value(certificate, oid, what), oid), 0xff, `${what} SPL ${oid}`);
    const productName = readString(readDer(value(certificate, OID.productName, what)), `${what} product name`);
    const product = productOfName(productName);
    if (product === undefined) {
      throw new CheckFailure("ERR_SNP_PRODUCT", `the ${what} is of a product that is not known`, {
        expected: "Milan, Genoa or Turin",
        actual: productName,
      });
    }
    const tcb = {
      ...(product === "Turin" ? { fmc: spl(OID.fmc) } : {}),
      bootLoader: spl(OID.bootLoader),
      tee: spl(OID.tee),
      snp: spl(OID.snp),
      microcode: spl(OID.microcode),
    };
    const tcbVersion = encodeTcbVersion(tcb, product);
    if (product !== "Turin") {
      for (const [index, number] of RESERVED_SPLS.entries()) {
        const oid = `${AMD}.3.${number}`;
        tcbVersion[2 + index] = certificate.extensions.has(oid) ? spl(oid) : 0;
      }
    }
    const cspId =
      kind === "VLEK" ? readString(readDer(value(certificate, OID.cspId, what)), `${what} CSP id`) : undefined;
    return {
      kind,
      certificate,
      productName,
      product,
      tcb,
      tcbVersion,
      ...(kind === "VCEK" ? { hwid: readHwid(value(certificate, OID.hwid, what), product) } : {}),
      ...(cspId === undefined ? {} : { cspId }),
    };
  });
}

function value({ extensions }: Certificate, oid: string, what: string): Uint8Array {
  const extension = extensions.get(oid);
  if (extension !== undefined) return extension.value;
  throw new CheckFailure("ERR_SNP_CHAIN", `the ${what} has no extension ${oid}`);
}

/** Raw bytes in most certificates, an OCTET STRING in newer ones; the length tells them apart. */
function readHwid(bytes: Uint8Array, product: SnpProduct): Uint8Array {
  const sizeBytes = HWID_BYTES[product];
  const hwid = bytes.length === sizeBytes ? bytes : readOctetString(readDer(bytes, "HWID"), "HWID");
  if (hwid.length === sizeBytes) return hwid;
  throw new CheckFailure("ERR_SNP_CHAIN", `the VCEK certificate of ${product} has a HWID of the wrong size`, {
    expected: `${sizeBytes} bytes`,
    actual: `${hwid.length} bytes`,
  });
}
