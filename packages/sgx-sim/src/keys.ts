/**
 * EGETKEY: keys derived inside the CPU. Which inputs enter which key is architectural (Intel SDM volume 3D, table of key
 * dependencies); how they are laid out is the CPU's own affair, and so is this layout ours.
 */
import { hkdfSync } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import { aesCmac, ATTRIBUTE_FLAG, type Attributes, KEY_NAME, KEY_POLICY, type KeyRequest } from "@inclavare/sgx";
import type { Secs } from "./einit.ts";
import type { PlatformState } from "./state.ts";

const ALL_POLICIES = Object.values(KEY_POLICY).reduce((all, bit) => all | bit, 0);
const KSS_POLICIES = KEY_POLICY.configId | KEY_POLICY.isvFamilyId | KEY_POLICY.isvExtProdId | KEY_POLICY.noIsvProdId;
/** INIT and DEBUG always count, so that a debug enclave never gets a production enclave's key. */
const ALWAYS_MASKED = ATTRIBUTE_FLAG.init | ATTRIBUTE_FLAG.debug;
const NAMES = new Map<number, string>(Object.entries(KEY_NAME).map(([name, number]) => [number, name]));

/** The key with which a report that targets this enclave is made and checked. */
export function reportKey(
  state: PlatformState,
  target: Pick<Secs, "mrEnclave" | "attributes" | "miscSelect">,
  keyId: Uint8Array,
): Uint8Array {
  return derive(state.fuses.root, [
    Buffer.from([KEY_NAME.report]),
    encodeAttributes(target.attributes),
    u32(target.miscSelect),
    target.mrEnclave,
    Buffer.from(state.cpuSvn, "hex"),
    Buffer.from(state.ownerEpoch, "hex"),
    keyId,
  ]);
}

/** @returns 16 bytes. @throws ERR_SGX_INVALID_ATTRIBUTE, ERR_SGX_INVALID_KEY_REQUEST */
export function getKey(state: PlatformState, secs: Secs, request: KeyRequest): Uint8Array {
  const name = NAMES.get(request.keyName);
  assertRequest(state, secs, request, name);
  if (name === "report") return reportKey(state, secs, request.keyId);
  const policy = request.keyPolicy;
  const seals = name === "seal";
  const provisions = name === "provision" || name === "provisionSeal";
  const attributes = mask(secs.attributes, {
    ...request.attributeMask,
    flags: request.attributeMask.flags | ALWAYS_MASKED,
  });
  return derive(name === "provision" ? state.fuses.root : state.fuses.root + state.fuses.seal, [
    Buffer.from([request.keyName]),
    encodeAttributes(attributes),
    u32(secs.miscSelect & request.miscMask),
    request.cpuSvn,
    u16(request.isvSvn),
    (policy & KEY_POLICY.noIsvProdId) !== 0 ? Buffer.alloc(2) : u16(secs.isvProdId),
    seals && (policy & KEY_POLICY.mrEnclave) !== 0 ? secs.mrEnclave : Buffer.alloc(32),
    provisions || (seals && (policy & KEY_POLICY.mrSigner) !== 0) ? secs.mrSigner : Buffer.alloc(32),
    u16(seals ? policy : 0),
    provisions ? Buffer.alloc(16) : Buffer.from(state.ownerEpoch, "hex"),
    provisions ? Buffer.alloc(32) : request.keyId,
  ]);
}

function assertRequest(state: PlatformState, secs: Secs, request: KeyRequest, name: string | undefined): void {
  const refuse = (rule: string): never => {
    throw new InclavareError("ERR_SGX_INVALID_KEY_REQUEST", `KEYREQUEST: ${rule}`);
  };
  if (name === undefined) refuse(`KEYNAME ${request.keyName} is none`);
  if ((request.keyPolicy & ~ALL_POLICIES) !== 0) refuse("KEYPOLICY has reserved bits");
  if ((request.keyPolicy & KSS_POLICIES) !== 0 && (secs.attributes.flags & ATTRIBUTE_FLAG.kss) === 0n)
    refuse("KEYPOLICY needs KSS");
  if (request.isvSvn > secs.isvSvn) refuse(`ISVSVN ${request.isvSvn} is above the enclave's ${secs.isvSvn}`);
  const current = Buffer.from(state.cpuSvn, "hex");
  if (request.cpuSvn.some((svn, index) => svn > (current[index] ?? 0))) refuse("CPUSVN is above the platform's");
  if (name?.startsWith("provision") === true && (secs.attributes.flags & ATTRIBUTE_FLAG.provisionKey) === 0n) {
    throw new InclavareError("ERR_SGX_INVALID_ATTRIBUTE", "provisioning keys need ATTRIBUTES.PROVISIONKEY");
  }
  if (name === "einitToken")
    throw new InclavareError(
      "ERR_SGX_INVALID_ATTRIBUTE",
      "this platform has flexible launch control and no launch enclave",
    );
}

/** AES-CMAC over the dependencies, as in the CPU; the AES key is made of the fuses. */
function derive(fuses: string, dependencies: readonly Uint8Array[]): Uint8Array {
  const key = Buffer.from(
    hkdfSync("sha256", Buffer.from(fuses, "hex"), "", "inclavare simulated SGX key derivation", 16),
  );
  return aesCmac(key, Buffer.concat(dependencies));
}

function mask(attributes: Attributes, by: Attributes): Attributes {
  return { flags: attributes.flags & by.flags, xfrm: attributes.xfrm & by.xfrm };
}

function encodeAttributes({ flags, xfrm }: Attributes): Buffer {
  const out = Buffer.alloc(16);
  out.writeBigUInt64LE(flags, 0);
  out.writeBigUInt64LE(xfrm, 8);
  return out;
}

function u16(value: number): Buffer {
  const out = Buffer.alloc(2);
  out.writeUInt16LE(value);
  return out;
}

function u32(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32LE(value >>> 0);
  return out;
}
