/** Which processor a report is of, and how its TCB_VERSION is laid out. @see AMD 56860, TCB_VERSION; AMD 57230, product names */

export const SNP_PRODUCTS = ["Milan", "Genoa", "Turin"] as const;

export type SnpProduct = (typeof SNP_PRODUCTS)[number];

/** Security versions of the firmware's parts, 0 to 255 each. */
export interface SnpTcb {
  /** Turin and later. */
  readonly fmc?: number;
  readonly bootLoader: number;
  readonly tee: number;
  readonly snp: number;
  readonly microcode: number;
}

const ZEN3_MILAN = 0x19;
const ZEN5_TURIN = 0x1a;

/** By CPUID's combined family and model; `undefined` for a processor that is not known. */
export function productOfCpuid(family: number, model: number): SnpProduct | undefined {
  if (family === ZEN3_MILAN) {
    if (model <= 0x0f) return "Milan";
    return (model >= 0x10 && model <= 0x1f) || (model >= 0xa0 && model <= 0xaf) ? "Genoa" : undefined;
  }
  return family === ZEN5_TURIN && model <= 0x11 ? "Turin" : undefined;
}

/** By the product name of a VCEK, such as `Milan-B0`, or of a VLEK, such as `Milan`. */
export function productOfName(name: string): SnpProduct | undefined {
  return SNP_PRODUCTS.find((product) => name === product || name.startsWith(`${product}-`));
}

/** @param version the 8 bytes of a TCB_VERSION. */
export function decodeTcbVersion(version: Uint8Array, product: SnpProduct): SnpTcb {
  const at = (index: number): number => version[index] ?? 0;
  if (product === "Turin") return { fmc: at(0), bootLoader: at(1), tee: at(2), snp: at(3), microcode: at(7) };
  return { bootLoader: at(0), tee: at(1), snp: at(6), microcode: at(7) };
}

/** The reverse; what has no name is zero. */
export function encodeTcbVersion(tcb: SnpTcb, product: SnpProduct): Uint8Array {
  const { fmc = 0, bootLoader, tee, snp, microcode } = tcb;
  if (product === "Turin") return Uint8Array.of(fmc, bootLoader, tee, snp, 0, 0, 0, microcode);
  return Uint8Array.of(bootLoader, tee, 0, 0, 0, 0, snp, microcode);
}
