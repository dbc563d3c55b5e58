/**
 * A whole attestation world made for one test: root, PCK CA, platform, quoting enclave, enclave, and the vendor's
 * collateral. Every part can be made wrong by itself, correctly signed all the same.
 */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { encodeQuoteSignedPart, encodeQuoteV3, encodeReportBody, type EnclaveReport } from "@inclavare/sgx";
import {
  authorityKeyId,
  basicConstraints,
  createCertificate,
  createCrl,
  crlDistributionPoint,
  derEnumerated,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  type KeyUsage,
  keyUsage,
  type NewCrl,
  type NewExtension,
  subjectKeyId,
  toPem,
} from "@inclavare/x509";
import { enclaveSignedBytes, encodeLaterQuote, type TdOptions, tdSignedBytes } from "./later-quote.ts";
import { type CollateralBundle, type TrustAnchor, trustAnchorsFromPem } from "../src/index.ts";

export const NOW = new Date("2025-06-15T00:00:00Z");
const BEGIN = new Date("2025-01-01T00:00:00Z");
const END = new Date("2033-01-01T00:00:00Z");
const ISSUED = new Date("2025-06-01T00:00:00Z");
const NEXT = new Date("2025-07-01T00:00:00Z");
const SGX = "1.2.840.113741.1.13.1";
const FMSPC = "00a0b0c0d0e0";
const MRSIGNER = "8c".repeat(32);

export interface WorldOptions {
  readonly names?: {
    readonly root?: string;
    readonly ca?: string;
    readonly pck?: string;
    readonly tcbSigning?: string;
    /** Whom the PCK certificate names as its issuer. */
    readonly pckIssuer?: string;
  };
  readonly caSerial?: bigint;
  /** In place of the key of the PCK CA that the other worlds share. */
  readonly caKey?: KeyObject;
  /** The authority key identifier of the PCK certificate. */
  readonly pckAuthority?: Uint8Array;
  /** Key usage of the PCK CA. */
  readonly caUsage?: readonly KeyUsage[];
  readonly caIsCa?: boolean;
  /** In place of the root key that the other worlds share. */
  readonly rootKey?: KeyObject;
  readonly pckUntil?: Date;
  readonly signingUntil?: Date;
  readonly pckExtensions?: readonly NewExtension[];
  /** The OID of an extension that the PCK certificate lacks. */
  readonly pckOmits?: string;
  /** Serial numbers on the CRLs. */
  readonly rootRevokes?: readonly bigint[];
  readonly caRevokes?: readonly bigint[];
  readonly rootCrl?: Partial<NewCrl>;
  readonly pckCrl?: Partial<NewCrl>;
  /** Who signs TCB Info and QE Identity, in place of the TCB signing key. */
  readonly documentKey?: KeyObject;
  readonly tcbInfo?: Readonly<Record<string, unknown>>;
  readonly qeIdentity?: Readonly<Record<string, unknown>>;
  readonly components?: readonly number[];
  readonly pceSvn?: number;
  readonly report?: Partial<EnclaveReport>;
  readonly qeReport?: Partial<EnclaveReport>;
  readonly qeAuthData?: Uint8Array;
  /** Of an SGX quote; left out: 3. */
  readonly version?: 4 | 5;
  /** Left out: an SGX quote. */
  readonly td?: TdOptions;
  /** Certification data type; 5 carries the chain, 4 the leaf, 1 to 3 something else. */
  readonly certificationType?: number;
}

export const SERIALS = { root: 1n, ca: 2n, pck: 0x80n, tcbSigning: 4n } as const;

export interface World {
  readonly quote: Uint8Array;
  readonly collateral: CollateralBundle;
  readonly trustAnchors: readonly TrustAnchor[];
  readonly rootPem: string;
  readonly pckChain: string;
  readonly tcbSigningChain: string;
  readonly keys: Readonly<Record<"root" | "ca" | "pck" | "tcbSigning", KeyObject>>;
}

export function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

// Keys are dear, and no test changes one: all worlds share them.
const KEYS = { root: newKey(), ca: newKey(), pck: newKey(), tcbSigning: newKey() } as const;
const ATTESTATION_KEY = newKey();

export function createWorld(options: WorldOptions = {}): World {
  const { root = "Intel SGX Root CA", ca = "Intel SGX PCK Processor CA" } = options.names ?? {};
  const { pck = "Intel SGX PCK Certificate", tcbSigning = "Intel SGX TCB Signing" } = options.names ?? {};
  const { rootKey = KEYS.root, caKey = KEYS.ca } = options;
  const rootPem = issue({ name: root, issuer: root, key: rootKey, signer: rootKey, serial: SERIALS.root, ca: 1 });
  const caPem = issue({
    name: ca,
    issuer: root,
    key: caKey,
    signer: rootKey,
    serial: options.caSerial ?? SERIALS.ca,
    ...(options.caIsCa === false ? {} : { ca: 0 }),
    usage: options.caUsage ?? ["keyCertSign", "crlSign"],
  });
  const pckPem = issue({
    name: pck,
    issuer: options.names?.pckIssuer ?? ca,
    key: KEYS.pck,
    signer: caKey,
    authority: options.pckAuthority,
    serial: SERIALS.pck,
    until: options.pckUntil ?? END,
    extensions: options.pckExtensions ?? [sgxExtension(options)],
    omit: options.pckOmits,
  });
  const signingPem = issue({
    name: tcbSigning,
    issuer: root,
    key: KEYS.tcbSigning,
    signer: rootKey,
    serial: SERIALS.tcbSigning,
    until: options.signingUntil ?? END,
  });
  const pckChain = `${pckPem}${caPem}${rootPem}`;
  const tcbSigningChain = `${signingPem}${rootPem}`;
  const [tdInfo, tdIdentity] = options.td === undefined ? [{}, {}] : [tcbInfoTdx(), { id: "TD_QE" }];
  const tcbInfo = JSON.stringify({ ...tcbInfoV3(), ...tdInfo, ...options.tcbInfo });
  const qeIdentity = JSON.stringify({ ...identity(), ...tdIdentity, ...options.qeIdentity });
  const documentKey = options.documentKey ?? KEYS.tcbSigning;
  return {
    quote: makeQuote(options, { pckChain, pckPem }),
    collateral: {
      pck_crl_issuer_chain: `${caPem}${rootPem}`,
      root_ca_crl: makeCrl(root, rootKey, options.rootRevokes ?? [], options.rootCrl),
      pck_crl: makeCrl(ca, caKey, options.caRevokes ?? [], options.pckCrl),
      tcb_info_issuer_chain: tcbSigningChain,
      tcb_info: tcbInfo,
      tcb_info_signature: signP1363(documentKey, Buffer.from(tcbInfo)).toString("hex"),
      qe_identity_issuer_chain: tcbSigningChain,
      qe_identity: qeIdentity,
      qe_identity_signature: signP1363(documentKey, Buffer.from(qeIdentity)).toString("hex"),
    },
    trustAnchors: trustAnchorsFromPem(rootPem),
    rootPem,
    pckChain,
    tcbSigningChain,
    keys: KEYS,
  };
}

/** A level of TCB Info, version 3. */
export function platformLevel(status: string, svn: number, advisoryIDs?: readonly string[]): Record<string, unknown> {
  return {
    tcb: { sgxtcbcomponents: Array.from({ length: 16 }, () => ({ svn })), pcesvn: svn },
    tcbDate: "2025-01-01T00:00:00Z",
    tcbStatus: status,
    ...(advisoryIDs === undefined ? {} : { advisoryIDs }),
  };
}

/** A level of QE Identity. */
export function enclaveLevel(status: string, isvsvn: number, advisoryIDs?: readonly string[]): Record<string, unknown> {
  return {
    tcb: { isvsvn },
    tcbDate: "2025-01-01T00:00:00Z",
    tcbStatus: status,
    ...(advisoryIDs === undefined ? {} : { advisoryIDs }),
  };
}

function tcbInfoV3(): Record<string, unknown> {
  return {
    id: "SGX",
    version: 3,
    issueDate: ISSUED.toISOString(),
    nextUpdate: NEXT.toISOString(),
    fmspc: FMSPC,
    pceId: "0000",
    tcbType: 0,
    tcbEvaluationDataNumber: 17,
    tcbLevels: [platformLevel("UpToDate", 5), platformLevel("OutOfDate", 2, ["INTEL-SA-00001"])],
  };
}

/** A level of TCB Info for TDX: the SGX part as in {@link platformLevel}, and sixteen TDX components. */
export function tdxLevel(status: string, svn: number, tdx: readonly number[]): Record<string, unknown> {
  const { tcb, ...level } = platformLevel(status, svn);
  const components = Array.from({ length: 16 }, (_, index) => ({ svn: tdx[index] ?? 0 }));
  return { ...level, tcb: { ...(tcb as object), tdxtcbcomponents: components } };
}

/** A module of major version 1. */
export function moduleIdentity(levels: readonly unknown[], change: object = {}): Record<string, unknown> {
  return {
    id: "TDX_01",
    mrsigner: "00".repeat(48),
    attributes: "00".repeat(8),
    attributesMask: "ff".repeat(8),
    tcbLevels: levels,
    ...change,
  };
}

function tcbInfoTdx(): Record<string, unknown> {
  return {
    id: "TDX",
    tdxModule: { mrsigner: "00".repeat(48), attributes: "00".repeat(8), attributesMask: "ff".repeat(8) },
    tdxModuleIdentities: [moduleIdentity([enclaveLevel("UpToDate", 5), enclaveLevel("OutOfDate", 2, ["INTEL-SA-3"])])],
    tcbLevels: [tdxLevel("UpToDate", 5, [5, 0, 5]), tdxLevel("OutOfDate", 2, [2, 0, 2])],
  };
}

function identity(): Record<string, unknown> {
  return {
    id: "QE",
    version: 2,
    issueDate: ISSUED.toISOString(),
    nextUpdate: NEXT.toISOString(),
    tcbEvaluationDataNumber: 16,
    miscselect: "00000000",
    miscselectMask: "FFFFFFFF",
    attributes: "11000000000000000000000000000000",
    attributesMask: "FBFFFFFFFFFFFFFF0000000000000000",
    mrsigner: MRSIGNER,
    isvprodid: 1,
    tcbLevels: [enclaveLevel("UpToDate", 8), enclaveLevel("OutOfDate", 6, ["INTEL-SA-00002"])],
  };
}

interface Issue {
  readonly name: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly serial: bigint;
  /** Path length of a CA; left out for a leaf. */
  readonly ca?: number;
  readonly until?: Date;
  readonly usage?: readonly KeyUsage[];
  readonly extensions?: readonly NewExtension[];
  readonly omit?: string | undefined;
  readonly authority?: Uint8Array | undefined;
}

function issue({
  name,
  issuer,
  key,
  signer,
  serial,
  ca,
  until = END,
  usage,
  extensions = [],
  omit,
  authority,
}: Issue): string {
  const publicKey = createPublicKey(key);
  const usages = usage ?? (ca === undefined ? ["digitalSignature"] : ["keyCertSign", "crlSign"]);
  const der = createCertificate({
    subject: { CN: name, O: "Test" },
    issuer: { CN: issuer, O: "Test" },
    serial,
    notBefore: BEGIN,
    notAfter: until,
    publicKey,
    signingKey: signer,
    extensions: [
      basicConstraints(ca === undefined ? { ca: false } : { ca: true, pathLength: ca }),
      keyUsage(...usages),
      authorityKeyId(authority ?? keyId(signer)),
      subjectKeyId(keyId(key)),
      crlDistributionPoint("https://test.invalid/crl"),
      ...extensions,
    ].filter(({ oid }) => oid !== omit),
  });
  return toPem(der, "CERTIFICATE");
}

function keyId(key: KeyObject): Uint8Array {
  return createHash("sha1").update(rawPoint(key)).digest();
}

/** The SGX extensions of a PCK certificate. */
export function sgxExtension({ components = Array<number>(16).fill(5), pceSvn = 5 }: WorldOptions): NewExtension {
  const entry = (suffix: string, value: Uint8Array): Uint8Array => derSequence(derOid(`${SGX}.${suffix}`), value);
  const tcb = [
    ...components.map((svn, index) => entry(`2.${index + 1}`, derInteger(svn))),
    entry("2.17", derInteger(pceSvn)),
    entry("2.18", derOctetString(Uint8Array.from(components))),
  ];
  const value = derSequence(
    entry("1", derOctetString(new Uint8Array(16))),
    entry("2", derSequence(...tcb)),
    entry("3", derOctetString(new Uint8Array(2))),
    entry("4", derOctetString(Buffer.from(FMSPC, "hex"))),
    entry("5", derEnumerated(0)),
  );
  return { oid: SGX, critical: false, value };
}

function makeCrl(issuer: string, key: KeyObject, serials: readonly bigint[], change: Partial<NewCrl> = {}): string {
  const der = createCrl({
    issuer: { CN: issuer, O: "Test" },
    thisUpdate: ISSUED,
    nextUpdate: NEXT,
    revoked: serials.map((serial) => ({ serial, at: ISSUED })),
    crlNumber: 1n,
    authorityKeyId: new Uint8Array(20),
    signingKey: key,
    ...change,
  });
  return Buffer.from(der).toString("hex");
}

function makeQuote(options: WorldOptions, { pckChain, pckPem }: { pckChain: string; pckPem: string }): Uint8Array {
  const { qeAuthData = Uint8Array.from({ length: 32 }, (_, index) => index), certificationType = 5 } = options;
  const attestationKey = rawPoint(ATTESTATION_KEY);
  const binding = createHash("sha256").update(attestationKey).update(qeAuthData).digest();
  const qeReportBytes = encodeReportBody({
    ...emptyReport(),
    attributes: { flags: 0x11n, xfrm: 0xe7n },
    mrSigner: Buffer.from(MRSIGNER, "hex"),
    isvProdId: 1,
    isvSvn: 8,
    reportData: Buffer.concat([binding], 64),
    ...options.qeReport,
  });
  const body = encodeReportBody({ ...emptyReport(), attributes: { flags: 0x5n, xfrm: 0x3n }, ...options.report });
  const { td, version } = options;
  const header = { qeSvn: 8, pceSvn: 13, userData: new Uint8Array(20) };
  const ownBytes = version === undefined ? encodeQuoteSignedPart(header, body) : enclaveSignedBytes(version, body);
  const signedBytes = td === undefined ? ownBytes : tdSignedBytes(td);
  const data = { 4: Buffer.from(pckPem), 5: Buffer.from(`${pckChain}\0`) }[certificationType] ?? Buffer.alloc(404);
  const parts = {
    signedBytes,
    signature: signP1363(ATTESTATION_KEY, signedBytes),
    attestationKey,
    qeReportBytes,
    qeReportSignature: signP1363(KEYS.pck, qeReportBytes),
    qeAuthData,
    certificationData: { type: certificationType, data },
  };
  return td === undefined && version === undefined ? encodeQuoteV3(parts) : encodeLaterQuote(parts, td);
}

function emptyReport(): EnclaveReport {
  return {
    cpuSvn: new Uint8Array(16),
    miscSelect: 0,
    cetAttributes: 0,
    isvExtProdId: new Uint8Array(16),
    attributes: { flags: 0n, xfrm: 0n },
    mrEnclave: Buffer.alloc(32, 0xaa),
    mrSigner: Buffer.alloc(32, 0xbb),
    configId: new Uint8Array(64),
    isvProdId: 3,
    isvSvn: 7,
    configSvn: 0,
    isvFamilyId: new Uint8Array(16),
    reportData: new Uint8Array(64),
  };
}

function rawPoint(key: KeyObject): Uint8Array {
  return createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-64);
}

export function signP1363(key: KeyObject, bytes: Uint8Array): Buffer {
  return sign("sha256", bytes, { key, dsaEncoding: "ieee-p1363" });
}
