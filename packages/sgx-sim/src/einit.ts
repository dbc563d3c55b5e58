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
  /** Only the platform's own enclaves may derive provisioning keys. */
  readonly provisionKey?: boolean;
}

/** @throws ERR_SGX_INVALID_SIG_STRUCT, _SIGNATURE, _MEASUREMENT, _ATTRIBUTE, in the order of the architecture. */
export function einit({ measurement, sigstruct: encoded, debug, provisionKey }: LaunchRequest): Secs {
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
  const requested =
    ATTRIBUTE_FLAG.mode64Bit |
    (debug ? ATTRIBUTE_FLAG.debug : 0n) |
    (provisionKey === true ? ATTRIBUTE_FLAG.provisionKey : 0n);
  const attributes = { flags: requested, xfrm: XFRM_LEGACY };
  assertAttributes(attributes, sigstruct);
  return {
    mrEnclave,
    mrSigner: mrSignerOf(sigstruct.modulus),
    attributes: { ...attributes, flags: requested | ATTRIBUTE_FLAG.init },
    miscSelect: 0,
    isvProdId: sigstruct.isvProdId,
    isvSvn: sigstruct.isvSvn,
    isvFamilyId: sigstruct.isvFamilyId,
    isvExtProdId: sigstruct.isvExtProdId,
  };
}

function assertAttributes(secs: Attributes, { attributes, attributesMask, miscSelect, miscMask }: Sigstruct): void {
  const refuse = (what: string, wanted: bigint, signed: bigint): never => {
    throw new InclavareError(
      "ERR_SGX_INVALID_ATTRIBUTE",
      `${what} of the launch is 0x${wanted.toString(16)}, the signature allows 0x${signed.toString(16)}`,
    );
  };
  if ((attributes.flags & attributesMask.flags & ~KNOWN_FLAGS) !== 0n)
    refuse("ATTRIBUTES", secs.flags, attributes.flags);
  if ((secs.flags & attributesMask.flags) !== (attributes.flags & attributesMask.flags))
    refuse("ATTRIBUTES", secs.flags, attributes.flags);
  if ((secs.xfrm & attributesMask.xfrm) !== (attributes.xfrm & attributesMask.xfrm))
    refuse("XFRM", secs.xfrm, attributes.xfrm);
  if ((miscSelect & miscMask) !== 0) refuse("MISCSELECT", 0n, BigInt(miscSelect));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
