/**
 * An AMD world made for one test: ARK, ASK or ASVK, VCEK or VLEK, and a report. Every part can be made wrong by itself,
 * correctly signed all the same. AMD's certificates are signed with RSASSA-PSS, which the package itself never issues.
 */
import { constants, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import {
  basicConstraints,
  type Der,
  derBitString,
  derBoolean,
  derContext,
  derIa5,
  derInteger,
  derNull,
  derOctetString,
  derOid,
  derSequence,
  derSet,
  derTime,
  derUtf8,
  keyUsage,
  type NewExtension,
  toPem,
} from "@inclavare/x509";
import { type TrustAnchor, trustAnchorsFromPem } from "../src/index.ts";

export const SNP_NOW = new Date("2025-06-15T00:00:00Z");
const AMD = "1.3.6.1.4.1.3704.1";
const BEGIN = new Date("2024-01-01T00:00:00Z");
const END = new Date("2044-01-01T00:00:00Z");
const CRL_ISSUED = new Date("2025-06-01T00:00:00Z");
const CRL_NEXT = new Date("2025-07-01T00:00:00Z");

export interface SnpWorldOptions {
  readonly kind?: "VCEK" | "VLEK";
  /** Of chain and names; left out: Milan. */
  readonly product?: "Milan" | "Genoa" | "Turin";
  readonly productName?: string;
  readonly names?: { readonly ark?: string; readonly issuer?: string };
  readonly issuerIsCa?: boolean;
  /** Whether the issuer's key usage has keyCertSign; left out: as a CA has it. */
  readonly issuerSigns?: boolean;
  /** An RSA key of 2048 bits for ASK or ASVK, with which the VEK's certificate is signed. */
  readonly issuerKeyIsSmall?: boolean;
  readonly vekIsCa?: boolean;
  /** A VEK's certificate with the issuer's name, signed with a key that is not the issuer's. */
  readonly vekIsForged?: boolean;
  readonly vekUntil?: Date;
  readonly vekCurve?: "P-256" | "P-384";
  /** The eight bytes of TCB_VERSION that the key is for. */
  readonly keyTcb?: readonly number[];
  readonly hwid?: Uint8Array;
  /** As newer certificates have it. */
  readonly wrapHwid?: boolean;
  readonly vekExtensions?: (extensions: NewExtension[]) => readonly NewExtension[];
  /** The signature algorithm of the VEK's certificate, in place of PSS. */
  readonly vekPkcs1?: boolean;
  /** Applied to the report before it is signed. */
  readonly report?: (report: Buffer) => void;
  /** Applied to the report after it is signed. */
  readonly tamper?: (report: Buffer) => void;
  /** Serial numbers on the CRL; left out: there is no CRL. */
  readonly revokes?: readonly bigint[];
  readonly crlIssuer?: string;
  readonly crlNext?: Date;
}

export interface SnpWorld {
  readonly report: Uint8Array;
  /** VEK, its issuer, ARK; CRL where there is one. */
  readonly endorsements: readonly string[];
  readonly trustAnchors: readonly TrustAnchor[];
}

export const SNP_SERIALS = { ark: 1n, issuer: 2n, vek: 3n } as const;

// One key plays every authority: making an RSA key of this size takes a second.
const AUTHORITY = generateKeyPairSync("rsa", { modulusLength: 4096 }).privateKey;
const SMALL_AUTHORITY = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const VEK_KEYS = {
  "P-256": generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
  "P-384": generateKeyPairSync("ec", { namedCurve: "P-384" }).privateKey,
};

const CPUIDS = { Milan: [0x19, 0x01], Genoa: [0x19, 0x11], Turin: [0x1a, 0x02] } as const;

export function createSnpWorld(options: SnpWorldOptions = {}): SnpWorld {
  const { kind = "VCEK", product = "Milan", names = {}, keyTcb = [4, 0, 0, 0, 0, 0, 24, 219] } = options;
  const ark = names.ark ?? `ARK-${product}`;
  const issuer = names.issuer ?? `SEV-${kind === "VLEK" ? "VLEK-" : ""}${product}`;
  const hwid = options.hwid ?? Buffer.alloc(product === "Turin" ? 8 : 64, 0x77);
  const { vekExtensions = (extensions: NewExtension[]) => extensions } = options;
  const arkPem = issue({ name: ark, issuer: ark, serial: SNP_SERIALS.ark, ca: true });
  const issuerPem = issue({
    name: issuer,
    issuer: ark,
    serial: SNP_SERIALS.issuer,
    ca: options.issuerIsCa !== false,
    ...(options.issuerSigns === undefined ? {} : { signs: options.issuerSigns }),
    key: options.issuerKeyIsSmall === true ? SMALL_AUTHORITY : AUTHORITY,
  });
  const vekKey = VEK_KEYS[options.vekCurve ?? "P-384"];
  const vekPem = issue({
    name: `SEV-${kind}`,
    issuer,
    serial: SNP_SERIALS.vek,
    ca: options.vekIsCa === true,
    key: vekKey,
    signer: options.issuerKeyIsSmall === true || options.vekIsForged === true ? SMALL_AUTHORITY : AUTHORITY,
    until: options.vekUntil ?? END,
    pkcs1: options.vekPkcs1 === true,
    extensions: vekExtensions(amdExtensions({ ...options, kind, product, keyTcb, hwid })),
  });
  const report = createReport({ kind, product, keyTcb, hwid });
  options.report?.(report);
  if (vekKey === VEK_KEYS["P-384"]) signReport(report, vekKey);
  options.tamper?.(report);
  const { revokes } = options;
  const crl = revokes === undefined ? [] : [createCrl(options.crlIssuer ?? ark, revokes, options.crlNext ?? CRL_NEXT)];
  return {
    report,
    endorsements: [vekPem, `${issuerPem}${arkPem}`, ...crl],
    trustAnchors: trustAnchorsFromPem(arkPem),
  };
}

interface Subject {
  readonly kind: "VCEK" | "VLEK";
  readonly product: "Milan" | "Genoa" | "Turin";
  readonly keyTcb: readonly number[];
  readonly hwid: Uint8Array;
}

function createReport({ kind, product, keyTcb, hwid }: Subject): Buffer {
  const report = Buffer.alloc(1184);
  report.writeUInt32LE(3, 0);
  report.writeBigUInt64LE(0x30000n, 8);
  report.writeUInt32LE(1, 0x34);
  report.writeUInt32LE(kind === "VLEK" ? 1 << 2 : 0, 0x48);
  for (const offset of [0x38, 0x180, 0x1e0, 0x1f0]) Buffer.from(keyTcb).copy(report, offset);
  Buffer.alloc(64, 0xdd).copy(report, 0x50);
  Buffer.alloc(48, 0xaa).copy(report, 0x90);
  Buffer.alloc(32, 0xbb).copy(report, 0xc0);
  Buffer.from(CPUIDS[product]).copy(report, 0x188);
  Buffer.from(hwid).copy(report, 0x1a0);
  return report;
}

export function signReport(report: Buffer, key: KeyObject = VEK_KEYS["P-384"]): void {
  const signature = sign("sha384", report.subarray(0, 0x2a0), { key, dsaEncoding: "ieee-p1363" });
  Buffer.from(signature.subarray(0, 48)).reverse().copy(report, 0x2a0);
  Buffer.from(signature.subarray(48))
    .reverse()
    .copy(report, 0x2a0 + 72);
}

function amdExtensions({ kind, product, keyTcb, hwid, ...options }: Subject & SnpWorldOptions): NewExtension[] {
  const at = (index: number): number => keyTcb[index] ?? 0;
  const extension = (suffix: string, value: Uint8Array): NewExtension => {
    return { oid: `${AMD}.${suffix}`, critical: false, value };
  };
  const spls: Readonly<Record<number, number>> =
    product === "Turin"
      ? { 9: at(0), 1: at(1), 2: at(2), 3: at(3), 8: at(7) }
      : { 1: at(0), 2: at(1), 4: at(2), 5: at(3), 6: at(4), 7: at(5), 3: at(6), 8: at(7) };
  const name = options.productName ?? (kind === "VLEK" || product === "Turin" ? product : `${product}-B0`);
  return [
    extension("1", derInteger(0)),
    extension("2", derIa5(name)),
    ...Object.entries(spls).map(([number, spl]) => extension(`3.${number}`, derInteger(spl))),
    kind === "VLEK"
      ? extension("5", derIa5("Example Cloud"))
      : extension("4", options.wrapHwid === true ? derOctetString(hwid) : hwid),
  ];
}

interface Issue {
  readonly name: string;
  readonly issuer: string;
  readonly serial: bigint;
  readonly ca: boolean;
  /** Whether the key usage has keyCertSign; left out: as `ca` says. */
  readonly signs?: boolean;
  readonly key?: KeyObject;
  readonly signer?: KeyObject;
  readonly until?: Date;
  readonly pkcs1?: boolean;
  readonly extensions?: readonly NewExtension[];
}

function issue(what: Issue): string {
  const { name, issuer, serial, ca, signs = ca, key = AUTHORITY, signer, until = END, pkcs1, extensions = [] } = what;
  const all = [
    basicConstraints({ ca }),
    keyUsage(...(signs ? (["keyCertSign", "crlSign"] as const) : (["digitalSignature"] as const))),
    ...extensions,
  ];
  const algorithm = pkcs1 === true ? derSequence(derOid("1.2.840.113549.1.1.12"), derNull()) : pssAlgorithm();
  const tbs = derSequence(
    derContext(0, derInteger(2)),
    derInteger(serial),
    algorithm,
    derName(issuer),
    derSequence(derTime(BEGIN), derTime(until)),
    derName(name),
    createPublicKey(key).export({ type: "spki", format: "der" }),
    derContext(3, derExtensions(all)),
  );
  return toPem(derSequence(tbs, algorithm, derBitString(signAs(tbs, pkcs1 === true, signer))), "CERTIFICATE");
}

function createCrl(issuer: string, serials: readonly bigint[], next: Date): string {
  const algorithm = pssAlgorithm();
  const entries = serials.map((serial) => derSequence(derInteger(serial), derTime(CRL_ISSUED)));
  const tbs = derSequence(
    derInteger(1),
    algorithm,
    derName(issuer),
    derTime(CRL_ISSUED),
    derTime(next),
    ...(entries.length === 0 ? [] : [derSequence(...entries)]),
    derContext(0, derExtensions([{ oid: "2.5.29.20", critical: false, value: derInteger(1) }])),
  );
  return toPem(derSequence(tbs, algorithm, derBitString(signAs(tbs, false))), "X509 CRL");
}

function signAs(bytes: Uint8Array, pkcs1: boolean, key: KeyObject = AUTHORITY): Uint8Array {
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 };
  return sign("sha384", bytes, { key, ...(pkcs1 ? {} : pss) });
}

function pssAlgorithm(): Der {
  const hash = derSequence(derOid("2.16.840.1.101.3.4.2.2"), derNull());
  const parameters = derSequence(
    derContext(0, hash),
    derContext(1, derSequence(derOid("1.2.840.113549.1.1.8"), hash)),
    derContext(2, derInteger(48)),
  );
  return derSequence(derOid("1.2.840.113549.1.1.10"), parameters);
}

function derName(commonName: string): Der {
  return derSequence(derSet(derSequence(derOid("2.5.4.3"), derUtf8(commonName))));
}

function derExtensions(extensions: readonly NewExtension[]): Der {
  return derSequence(
    ...extensions.map(({ oid, critical, value }) => {
      return derSequence(derOid(oid), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
    }),
  );
}
