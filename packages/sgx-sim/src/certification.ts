/**
 * The authority that certifies the simulated CPU: the same tree as Intel's, with the same words in the names, because DCAP
 * verifiers look for them, and with an organisation that says whose it is.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { generateSigningKey } from "@inclavare/sgx";
import {
  authorityKeyId,
  basicConstraints,
  createCertificate,
  crlDistributionPoint,
  type Der,
  derEnumerated,
  derInteger,
  derOctetString,
  derOid,
  derSequence,
  type KeyUsage,
  keyUsage,
  type NameParts,
  type NewExtension,
  subjectKeyId,
  toPem,
} from "@inclavare/x509";
import type { CertificateRole, KeyRole, PlatformState } from "./state.ts";

const ORGANISATION = { O: "Inclavare Simulated Platform", C: "XX" } as const;
export const NAMES: Readonly<Record<CertificateRole, NameParts>> = {
  root: { CN: "Simulated SGX Root CA", ...ORGANISATION },
  pckCa: { CN: "Simulated SGX PCK Processor CA", ...ORGANISATION },
  pck: { CN: "Simulated SGX PCK Certificate", ...ORGANISATION },
  tcbSigning: { CN: "Simulated SGX TCB Signing", ...ORGANISATION },
};
/** Nothing is ever fetched from there: the lists come with the collateral. `.invalid` never resolves (RFC 2606). */
const CRL_URI = "https://simulated-platform.invalid/crl";
const LIFETIME_YEARS = 10;
/** A clock that is a little behind must not find the certificates to be of the future. */
const BACKDATED_MS = 24 * 3600 * 1000;

/** Intel's arc for what a PCK certificate says of its platform. */
const SGX_EXTENSION = "1.2.840.113741.1.13.1";

type Platform = Pick<PlatformState, "cpuSvn" | "pceSvn" | "ppid" | "fmspc" | "pceId">;
export interface Certification {
  readonly keys: Readonly<Record<KeyRole, string>>;
  readonly certificates: Readonly<Record<CertificateRole, string>>;
}

/** Makes every key of the platform and its authority, and the certificates over them. */
export function certify(platform: Platform, now: Date): Certification {
  const keys = Object.fromEntries(
    (["root", "pckCa", "pck", "tcbSigning", "attestation"] as const).map((role) => [
      role,
      generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey,
    ]),
  ) as Record<CertificateRole | "attestation", KeyObject>;
  const issue = (role: CertificateRole, issuer: CertificateRole, extensions: readonly NewExtension[]): string => {
    const publicKey = createPublicKey(keys[role]);
    const notAfter = new Date(now);
    notAfter.setUTCFullYear(notAfter.getUTCFullYear() + LIFETIME_YEARS);
    const der = createCertificate({
      subject: NAMES[role],
      issuer: NAMES[issuer],
      serial: BigInt(`0x40${randomBytes(15).toString("hex")}`),
      notBefore: new Date(now.getTime() - BACKDATED_MS),
      notAfter,
      publicKey,
      signingKey: keys[issuer],
      extensions: [
        authorityKeyId(keyIdentifier(createPublicKey(keys[issuer]))),
        crlDistributionPoint(`${CRL_URI}/${issuer}`),
        subjectKeyId(keyIdentifier(publicKey)),
        ...extensions,
      ],
    });
    return toPem(der, "CERTIFICATE");
  };
  const authority: KeyUsage[] = ["keyCertSign", "crlSign"];
  const leaf = [keyUsage("digitalSignature"), basicConstraints({ ca: false })];
  const certificates = {
    root: issue("root", "root", [keyUsage(...authority), basicConstraints({ ca: true, pathLength: 1 })]),
    pckCa: issue("pckCa", "root", [keyUsage(...authority), basicConstraints({ ca: true, pathLength: 0 })]),
    pck: issue("pck", "pckCa", [...leaf, { oid: SGX_EXTENSION, critical: false, value: sgxExtension(platform) }]),
    tcbSigning: issue("tcbSigning", "root", leaf),
  };
  const pem = (key: KeyObject): string => key.export({ type: "pkcs8", format: "pem" }) as string;
  const signer = { quotingEnclaveSigner: pem(generateSigningKey()) };
  return {
    keys: { ...mapValues<CertificateRole | "attestation", KeyObject, string>(keys, pem), ...signer },
    certificates,
  };
}

/** SHA-1 of the public key bits (RFC 5280, section 4.2.1.2, method 1): a name, not a protection. */
export function keyIdentifier(key: KeyObject): Uint8Array {
  const jwk = key.export({ format: "jwk" });
  const point = Buffer.concat([
    Buffer.of(4),
    Buffer.from(jwk.x ?? "", "base64url"),
    Buffer.from(jwk.y ?? "", "base64url"),
  ]);
  return createHash("sha1").update(point).digest();
}

export function privateKey(state: PlatformState, role: KeyRole): KeyObject {
  return createPrivateKey(state.keys[role]);
}

/** PPID, TCB with its 18 members, PCE-ID, FMSPC, SGX type: OIDs and types as Intel's PCK certificate profile has them. */
function sgxExtension({ cpuSvn, pceSvn, ppid, fmspc, pceId }: Platform): Der {
  const member = (suffix: string, value: Uint8Array): Der => derSequence(derOid(`${SGX_EXTENSION}.${suffix}`), value);
  const octets = (hex: string): Der => derOctetString(Buffer.from(hex, "hex"));
  const components = [...Buffer.from(cpuSvn, "hex")].map((svn, index) => member(`2.${index + 1}`, derInteger(svn)));
  const tcb = derSequence(...components, member("2.17", derInteger(pceSvn)), member("2.18", octets(cpuSvn)));
  const standard = 0;
  return derSequence(
    member("1", octets(ppid)),
    member("2", tcb),
    member("3", octets(pceId)),
    member("4", octets(fmspc)),
    member("5", derEnumerated(standard)),
  );
}

function mapValues<K extends string, V, W>(record: Readonly<Record<K, V>>, map: (value: V) => W): Record<K, W> {
  return Object.fromEntries(Object.entries<V>(record).map(([key, value]) => [key, map(value)])) as Record<K, W>;
}
