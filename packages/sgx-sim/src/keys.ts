/**
 * EGETKEY: keys derived inside the CPU. Which inputs enter which key is architectural (Intel SDM volume 3D, table of key
 * dependencies); how they are laid out is the CPU's own affair, and so is this layout ours.
 */
import { hkdfSync, type KeyObject } from "node:crypto";
import { InclavareError } from "@inclavare/errors";
import {
  aesCmac,
  ATTRIBUTE_FLAG,
  cmacKey,
  KEY_NAME,
  KEY_POLICY,
  type KeyRequest,
  writeAttributes,
} from "@inclavare/sgx";
import type { Secs } from "./einit.ts";
import type { PlatformState } from "./state.ts";

/** Whether an input enters the key: always, never, or as the request's policy says. */
type Use = "always" | "never" | "policy";

interface Rule {
  /** False: all attributes count, whatever the request masks. */
  readonly masked: boolean;
  readonly ownerEpoch: boolean;
  readonly sealFuses: boolean;
  readonly cpuSvn: "current" | "request";
  readonly isvSvn: boolean;
  readonly isvProdId: Use;
  /** ISVFAMILYID, ISVEXTPRODID, CONFIGID and CONFIGSVN, which only KSS enclaves have. */
  readonly kss: Use;
  readonly mrEnclave: Use;
  readonly mrSigner: Use;
  readonly keyId: boolean;
  /** The attribute without which the key is refused. */
  readonly needs: bigint;
}

const COMMON = {
  masked: true,
  ownerEpoch: true,
  sealFuses: true,
  cpuSvn: "request",
  isvSvn: true,
  keyId: true,
  needs: 0n,
} as const;
const OF_PRODUCT = { isvProdId: "always", kss: "never", mrEnclave: "never", mrSigner: "always" } as const;
const PROVISIONING = { ownerEpoch: false, keyId: false, needs: ATTRIBUTE_FLAG.provisionKey } as const;

const RULES: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [KEY_NAME.einitToken, { ...COMMON, ...OF_PRODUCT, needs: ATTRIBUTE_FLAG.einitTokenKey }],
  [KEY_NAME.provision, { ...COMMON, ...OF_PRODUCT, ...PROVISIONING, sealFuses: false }],
  [
    KEY_NAME.provisionSeal,
    { ...COMMON, ...PROVISIONING, isvProdId: "policy", kss: "policy", mrEnclave: "never", mrSigner: "always" },
  ],
  [
    KEY_NAME.report,
    {
      ...COMMON,
      masked: false,
      cpuSvn: "current",
      isvSvn: false,
      isvProdId: "never",
      kss: "never",
      mrEnclave: "always",
      mrSigner: "never",
    },
  ],
  [KEY_NAME.seal, { ...COMMON, isvProdId: "policy", kss: "policy", mrEnclave: "policy", mrSigner: "policy" }],
]);

const ALL_POLICIES = Object.values(KEY_POLICY).reduce((all, bit) => all | bit, 0);
const KSS_POLICIES = KEY_POLICY.configId | KEY_POLICY.isvFamilyId | KEY_POLICY.isvExtProdId | KEY_POLICY.noIsvProdId;
/** INIT and DEBUG always count, so that a debug enclave never gets a production enclave's key. */
const ALWAYS_MASKED = ATTRIBUTE_FLAG.init | ATTRIBUTE_FLAG.debug;
const ALL_BITS = { flags: BigInt.asUintN(64, -1n), xfrm: BigInt.asUintN(64, -1n) };
const BLOCK_BYTES = 320;

/** What of a target enters the key of reports for it: what TARGETINFO tells. */
export interface ReportTarget extends Pick<Secs, "mrEnclave" | "attributes" | "miscSelect"> {
  readonly cetAttributes: number;
  readonly configId: Uint8Array;
  readonly configSvn: number;
}

/** The key with which a report that targets this enclave is made and checked. @returns 16 bytes. */
export function reportKey(state: PlatformState, target: ReportTarget, keyId: Uint8Array): Uint8Array {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.writeUInt16LE(KEY_NAME.report, 0);
  writeAttributes(block, 8, target.attributes);
  writeAttributes(block, 24, ALL_BITS);
  block.writeUInt32LE(target.miscSelect, 40);
  block.writeUInt32LE(0xffff_ffff, 44);
  block.set(Buffer.from(state.cpuSvn, "hex"), 48);
  block.set(Buffer.from(state.ownerEpoch, "hex"), 64);
  block.set(keyId, 80);
  block.set(target.mrEnclave, 112);
  block.set(target.configId, 208);
  block.writeUInt16LE(target.configSvn, 272);
  block.writeUInt8(target.cetAttributes, 274);
  return derive(state, block, true);
}

/** @returns 16 bytes. @throws ERR_SGX_INVALID_ATTRIBUTE, ERR_SGX_INVALID_KEY_REQUEST */
export function getKey(state: PlatformState, secs: Secs, request: KeyRequest): Uint8Array {
  const rule = RULES.get(request.keyName);
  if (rule === undefined) throw refused(`KEYNAME ${request.keyName} is none`);
  assertRequest(state, secs, request, rule);
  // One way to the report key, so that both ends of a report agree.
  if (request.keyName === KEY_NAME.report) return reportKey(state, { ...secs, ...NO_CONFIGURATION }, request.keyId);
  const { keyPolicy: policy } = request;
  const enters = (use: Use, bit: number): boolean => use === "always" || (use === "policy" && (policy & bit) !== 0);
  const mask = rule.masked
    ? { flags: request.attributeMask.flags | ALWAYS_MASKED, xfrm: request.attributeMask.xfrm }
    : ALL_BITS;
  const { attributes } = secs;
  const block = Buffer.alloc(BLOCK_BYTES);
  block.writeUInt16LE(request.keyName, 0);
  block.writeUInt16LE(policy, 2);
  if (rule.isvSvn) block.writeUInt16LE(request.isvSvn, 4);
  if (rule.isvProdId === "always" || (policy & KEY_POLICY.noIsvProdId) === 0) block.writeUInt16LE(secs.isvProdId, 6);
  writeAttributes(block, 8, { flags: attributes.flags & mask.flags, xfrm: attributes.xfrm & mask.xfrm });
  writeAttributes(block, 24, mask);
  block.writeUInt32LE((secs.miscSelect & request.miscMask) >>> 0, 40);
  block.writeUInt32LE(request.miscMask, 44);
  block.set(request.cpuSvn, 48);
  if (rule.ownerEpoch) block.set(Buffer.from(state.ownerEpoch, "hex"), 64);
  if (rule.keyId) block.set(request.keyId, 80);
  if (enters(rule.mrEnclave, KEY_POLICY.mrEnclave)) block.set(secs.mrEnclave, 112);
  if (enters(rule.mrSigner, KEY_POLICY.mrSigner)) block.set(secs.mrSigner, 144);
  if (enters(rule.kss, KEY_POLICY.isvFamilyId)) block.set(secs.isvFamilyId, 176);
  if (enters(rule.kss, KEY_POLICY.isvExtProdId)) block.set(secs.isvExtProdId, 192);
  // CONFIGID and CONFIGSVN, at 208 and 272, are zero: this platform's loader sets none.
  return derive(state, block, rule.sealFuses);
}

export const NO_CONFIGURATION = { cetAttributes: 0, configId: new Uint8Array(64), configSvn: 0 } as const;

function assertRequest(state: PlatformState, secs: Secs, request: KeyRequest, rule: Rule): void {
  const { flags } = secs.attributes;
  if ((request.keyPolicy & ~ALL_POLICIES) !== 0) throw refused("KEYPOLICY has reserved bits");
  if ((request.keyPolicy & KSS_POLICIES) !== 0 && (flags & ATTRIBUTE_FLAG.kss) === 0n)
    throw refused("KEYPOLICY needs KSS");
  if ((flags & rule.needs) !== rule.needs) {
    throw new InclavareError(
      "ERR_SGX_INVALID_ATTRIBUTE",
      `key ${request.keyName} needs attribute 0x${rule.needs.toString(16)}, the enclave has 0x${flags.toString(16)}`,
    );
  }
  if (rule.isvSvn && request.isvSvn > secs.isvSvn)
    throw refused(`ISVSVN ${request.isvSvn} is above the enclave's ${secs.isvSvn}`);
  if (request.configSvn > 0) throw refused(`CONFIGSVN ${request.configSvn} is above the enclave's 0`);
  // CPUSVN is no integer: every component must be at or below the current one.
  const current = Buffer.from(state.cpuSvn, "hex");
  if (rule.cpuSvn === "request" && request.cpuSvn.some((svn, index) => svn > (current[index] ?? 0)))
    throw refused("CPUSVN is above the platform's");
}

/** AES-CMAC over the dependencies, as in the CPU; the AES key is made of the fuses, once. */
function derive({ fuses }: PlatformState, dependencies: Uint8Array, sealFuses: boolean): Uint8Array {
  const keys = fuseKeys.get(fuses) ?? { sealed: fuseKey(fuses.root + fuses.seal), unsealed: fuseKey(fuses.root) };
  fuseKeys.set(fuses, keys);
  return aesCmac(sealFuses ? keys.sealed : keys.unsealed, dependencies);
}

const fuseKeys = new WeakMap<PlatformState["fuses"], { readonly sealed: KeyObject; readonly unsealed: KeyObject }>();

function fuseKey(fuses: string): KeyObject {
  const secret = Buffer.from(fuses, "hex");
  return cmacKey(Buffer.from(hkdfSync("sha256", secret, "", "inclavare simulated SGX key derivation", 16)));
}

function refused(rule: string): InclavareError {
  return new InclavareError("ERR_SGX_INVALID_KEY_REQUEST", `KEYREQUEST: ${rule}`);
}
