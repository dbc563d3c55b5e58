/** EINIT: the checks that decide whether an enclave comes to be (Intel SDM volume 3D, EINIT). */
import { InclavareError } from "@inclavare/errors";
import {
  ATTRIBUTE_FLAG,
  type Attributes,
  decodeSigstruct,
  KNOWN_FLAGS,
  type Measurement,
  mrSignerOf,
  type Sigstruct,
  verifySigstruct,
  XFRM_LEGACY,
} from "@inclavare/sgx";

/** What this CPU has: x87, SSE, AVX, AVX-512; neither CET nor AEX-Notify nor MISCSELECT. */
const SUPPORTED_XFRM = 0xe7n;
const SUPPORTED_FLAGS =
  ATTRIBUTE_FLAG.debug | ATTRIBUTE_FLAG.mode64Bit | ATTRIBUTE_FLAG.kss | ATTRIBUTE_FLAG.provisionKey;
/** XFRM bits that have a meaning (XCR0): 0 to 7, 9, 11, 12, 17, 18. */
const KNOWN_XFRM = 0x61affn;
const RESERVED: Attributes = { flags: BigInt.asUintN(64, ~KNOWN_FLAGS), xfrm: BigInt.asUintN(64, ~KNOWN_XFRM) };
/** What only the platform's own enclaves get, as the Linux driver keeps it behind a device of its own. */
const PRIVILEGED = ATTRIBUTE_FLAG.provisionKey | ATTRIBUTE_FLAG.einitTokenKey;

/** What hardware keeps of an initialised enclave in its SECS. */
export interface Secs {
  readonly mrEnclave: Uint8Array;
  readonly mrSigner: Uint8Array;
  readonly attributes: Attributes;
  readonly miscSelect: number;
  readonly isvProdId: number;
  readonly isvSvn: number;
  readonly isvFamilyId: Uint8Array;
  readonly isvExtProdId: Uint8Array;
}

export interface LaunchRequest {
  readonly measurement: Measurement;
  /** SIGSTRUCT, 1808 bytes. */
  readonly sigstruct: Uint8Array;
  /** Whether the loader asks for a debug enclave. */
  readonly debug: boolean;
  /** Whether it may be given the provisioning keys, as only the platform's own enclaves are; left out: no. */
  readonly privileged?: boolean;
}

/**
 * Chooses the SECS as a loader does: what the signer states and the CPU has, DEBUG as asked for. Then checks as EINIT does.
 * @throws ERR_SGX_SIZE, ERR_SGX_INVALID_SIG_STRUCT, _SIGNATURE, _MEASUREMENT, _ATTRIBUTE, in the order of the architecture.
 */
export function einit({ measurement, sigstruct: encoded, debug, privileged = false }: LaunchRequest): Secs {
  const sigstruct = decodeSigstruct(encoded);
  if (!verifySigstruct(sigstruct)) {
    throw new InclavareError(
      "ERR_SGX_INVALID_SIGNATURE",
      "SIGSTRUCT: the signature does not hold over the enclave's identity",
    );
  }
  const mrEnclave = measurement.digest();
  if (Buffer.compare(mrEnclave, sigstruct.mrEnclave) !== 0) {
    const [measured, signed] = [hex(mrEnclave), hex(sigstruct.mrEnclave)];
    throw new InclavareError(
      "ERR_SGX_INVALID_MEASUREMENT",
      `measured MRENCLAVE is ${measured}, signed is ${signed}: the enclave was altered after signing`,
      {
        details: { measured, signed },
      },
    );
  }
  const attributes = loaderAttributes(sigstruct, debug);
  assertAttributes(attributes, sigstruct, privileged);
  const kss = (attributes.flags & ATTRIBUTE_FLAG.kss) !== 0n;
  return {
    mrEnclave,
    mrSigner: mrSignerOf(sigstruct.modulus),
    attributes: { ...attributes, flags: attributes.flags | ATTRIBUTE_FLAG.init },
    miscSelect: 0,
    isvProdId: sigstruct.isvProdId,
    isvSvn: sigstruct.isvSvn,
    isvFamilyId: kss ? sigstruct.isvFamilyId : new Uint8Array(16),
    isvExtProdId: kss ? sigstruct.isvExtProdId : new Uint8Array(16),
  };
}

function loaderAttributes({ attributes }: Sigstruct, debug: boolean): Attributes {
  const stated = attributes.flags & ~(ATTRIBUTE_FLAG.init | ATTRIBUTE_FLAG.debug);
  return {
    flags: stated | ATTRIBUTE_FLAG.mode64Bit | (debug ? ATTRIBUTE_FLAG.debug : 0n),
    // What the CPU lacks is left out; whether the enclave may run without it, the mask says.
    xfrm: (attributes.xfrm & SUPPORTED_XFRM) | XFRM_LEGACY,
  };
}

function assertAttributes(secs: Attributes, sigstruct: Sigstruct, privileged: boolean): void {
  const { attributes, attributesMask: mask } = sigstruct;
  for (const half of ["flags", "xfrm"] as const) {
    const reserved = RESERVED[half];
    if ((attributes[half] & reserved) !== 0n)
      throw refused(`the signature states reserved ${half} bits ${bits(attributes[half] & reserved)}`);
    if ((mask[half] & reserved) !== reserved)
      throw refused(`the signature's mask leaves out reserved ${half} bits ${bits(~mask[half] & reserved)}`);
    if ((secs[half] & mask[half]) !== (attributes[half] & mask[half]))
      throw refused(`${half} of the launch are ${bits(secs[half])}, the signature allows ${bits(attributes[half])}`);
  }
  if ((secs.flags & ~SUPPORTED_FLAGS & ~PRIVILEGED) !== 0n)
    throw refused(`this CPU lacks the flags ${bits(secs.flags & ~SUPPORTED_FLAGS & ~PRIVILEGED)}`);
  if (!privileged && (secs.flags & PRIVILEGED) !== 0n)
    throw refused("provisioning and launch keys are for the platform's own enclaves");
  if ((sigstruct.miscSelect & sigstruct.miscMask) !== 0)
    throw refused(`the signature demands MISCSELECT ${bits(BigInt(sigstruct.miscSelect))}, this CPU has 0x0`);
  if ((sigstruct.cetAttributes & sigstruct.cetAttributesMask) !== 0)
    throw refused("the signature demands CET, which this CPU lacks");
}

function refused(rule: string): InclavareError {
  return new InclavareError("ERR_SGX_INVALID_ATTRIBUTE", rule);
}

function bits(value: bigint): string {
  return `0x${BigInt.asUintN(64, value).toString(16)}`;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
