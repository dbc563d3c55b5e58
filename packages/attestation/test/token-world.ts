/** COSE tokens made for one test: CCA, PSA, Nitro. Every part can be made wrong by itself, correctly signed all the same. */
import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { basicConstraints, createCertificate, keyUsage, type NewExtension, toPem } from "@inclavare/x509";
import { encode, Tagged } from "cborg";

export const TOKEN_NOW = new Date("2025-06-15T00:00:00Z");
const ALGORITHMS = {
  prime256v1: { id: -7, digest: "sha256" },
  secp384r1: { id: -35, digest: "sha384" },
  secp521r1: { id: -36, digest: "sha512" },
} as const;

export function ecKey(namedCurve: "P-256" | "P-384" | "P-521" = "P-384"): KeyObject {
  return generateKeyPairSync("ec", { namedCurve }).privateKey;
}

export function publicPem(key: KeyObject): string {
  return createPublicKey(key).export({ type: "spki", format: "pem" }) as string;
}

export interface SignOptions {
  readonly tag?: number | false;
  readonly protectedHeader?: ReadonlyMap<unknown, unknown>;
  readonly unprotected?: ReadonlyMap<unknown, unknown>;
  readonly signature?: (signature: Buffer) => Uint8Array;
}

/** COSE_Sign1 over a payload. */
export function sign1(payload: Uint8Array, key: KeyObject, options: SignOptions = {}): Uint8Array {
  const { tag = 18, unprotected = new Map(), signature: change = (same: Buffer) => same } = options;
  const algorithm = ALGORITHMS[key.asymmetricKeyDetails?.namedCurve as keyof typeof ALGORITHMS];
  const protectedBytes = encode(options.protectedHeader ?? new Map([[1, algorithm.id]]));
  const signed = encode(["Signature1", protectedBytes, new Uint8Array(0), payload]);
  const signature = change(sign(algorithm.digest, signed, { key, dsaEncoding: "ieee-p1363" }));
  const parts = [protectedBytes, unprotected, payload, signature];
  return encode(tag === false ? parts : new Tagged(tag, parts));
}

type Changes = Readonly<Record<string, unknown>>;

/** A map with integer keys, some of them changed; `undefined` takes a claim out. */
function claims(base: Readonly<Record<string, unknown>>, changes: Changes): Uint8Array {
  const entries = Object.entries({ ...base, ...changes }).filter(([, value]) => value !== undefined);
  return encode(new Map(entries.map(([key, value]) => [Number(key), value])));
}

const HASH = Buffer.alloc(32, 0x11);
const COMPONENT = new Map<number, unknown>([
  [1, "BL"],
  [2, HASH],
  [4, "1.0"],
  [5, Buffer.alloc(32, 0x22)],
  [6, "sha-256"],
]);
const INSTANCE_ID = Buffer.concat([Uint8Array.of(1), Buffer.alloc(32, 0x33)]);

export interface CcaOptions {
  readonly collectionTag?: 399 | 907;
  readonly platform?: Changes;
  readonly realm?: Changes;
  readonly platformKey?: KeyObject;
  readonly realmKey?: KeyObject;
  /** The key that is in the realm's claims, in the form of the newer profile or of the first. */
  readonly keyForm?: "point" | "cose-key";
  readonly publicKeyBytes?: Uint8Array;
  readonly sign?: SignOptions;
}

export const CCA_CHALLENGE = Buffer.alloc(64, 0xab);

export function ccaToken(options: CcaOptions = {}): { readonly token: Uint8Array; readonly platformKey: KeyObject } {
  const { platformKey = ecKey(), realmKey = ecKey(), collectionTag = 399 } = options;
  const keyBytes = options.publicKeyBytes ?? (options.keyForm === "cose-key" ? coseKey(realmKey) : point(realmKey));
  const isNew = collectionTag === 907;
  const platform = claims(
    {
      265: isNew ? "tag:arm.com,2023:cca_platform#1.0.0" : "http://arm.com/CCA-SSD/1.0.0",
      10: createHash("sha256").update(keyBytes).digest(),
      2396: Buffer.alloc(32, 0x44),
      256: INSTANCE_ID,
      2401: Uint8Array.of(1, 2, 3),
      2395: 0x3000,
      2402: "sha-256",
      2399: [COMPONENT],
      2400: "https://verifier.example",
    },
    options.platform ?? {},
  );
  const realm = claims(
    {
      ...(isNew ? { 265: "tag:arm.com,2023:realm#1.0.0" } : {}),
      10: CCA_CHALLENGE,
      44235: Buffer.alloc(64, 0x55),
      44236: "sha-256",
      44237: keyBytes,
      44238: HASH,
      44239: [HASH, HASH, HASH, HASH],
      44240: "sha-256",
    },
    options.realm ?? {},
  );
  const wrap = (token: Uint8Array): unknown => (isNew ? [263, token] : token);
  const entries = new Map([
    [44234, wrap(sign1(platform, platformKey, options.sign))],
    [44241, wrap(sign1(realm, realmKey))],
  ]);
  return { token: encode(new Tagged(collectionTag, entries)), platformKey };
}

export function point(key: KeyObject): Buffer {
  const { x, y } = coordinates(key);
  return Buffer.concat([Uint8Array.of(4), x, y]);
}

function coseKey(key: KeyObject): Uint8Array {
  const { x, y } = coordinates(key);
  return encode(
    new Map<number, unknown>([
      [1, 2],
      [-1, 2],
      [-2, x],
      [-3, y],
    ]),
  );
}

function coordinates(key: KeyObject): { readonly x: Buffer; readonly y: Buffer } {
  const { x = "", y = "" } = createPublicKey(key).export({ format: "jwk" });
  return { x: Buffer.from(x, "base64url"), y: Buffer.from(y, "base64url") };
}

export const PSA_NONCE = Buffer.alloc(32, 0xcd);

export function psaToken(
  changes: Changes = {},
  key: KeyObject = ecKey("P-256"),
  options: SignOptions = {},
): Uint8Array {
  const base = {
    265: "tag:psacertified.org,2023:psa#tfm",
    10: PSA_NONCE,
    256: INSTANCE_ID,
    2394: -1,
    2395: 0x3000,
    2396: Buffer.alloc(32, 0x44),
    2397: Buffer.alloc(32, 0x66),
    2398: "1234567890123-12345",
    2399: [COMPONENT],
    2400: "https://verifier.example",
  };
  return sign1(claims(base, changes), key, options);
}

/** The same claims under the private keys of the profile before. */
export function legacyPsaToken(key: KeyObject, changes: Changes = {}): Uint8Array {
  const base = {
    "-75000": "PSA_IOT_PROFILE_1",
    "-75001": 1,
    "-75002": 0x3000,
    "-75003": Buffer.alloc(32, 0x44),
    "-75004": Buffer.alloc(32, 0x66),
    "-75006": [COMPONENT],
    "-75008": PSA_NONCE,
    "-75009": INSTANCE_ID,
  };
  return sign1(claims(base, changes), key);
}

export interface NitroOptions {
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly leafUntil?: Date;
  readonly leafCa?: boolean;
  readonly middlePathLength?: number;
  readonly middleUsage?: "keyCertSign" | "digitalSignature";
  readonly leafExtensions?: readonly NewExtension[];
  readonly leafKey?: KeyObject;
  readonly signingKey?: KeyObject;
  readonly sign?: SignOptions;
  /** In place of root and zone. */
  readonly bundle?: (bundle: readonly Uint8Array[]) => readonly Uint8Array[];
}

const NITRO_ROOT = ecKey();
const NITRO_ZONE = ecKey();

export function nitroDocument(options: NitroOptions = {}): { readonly document: Uint8Array; readonly rootPem: string } {
  const { leafKey = ecKey(), bundle: change = (same: readonly Uint8Array[]) => same } = options;
  const root = nitroCertificate({ name: "root", issuer: "root", key: NITRO_ROOT, signer: NITRO_ROOT, ca: true });
  const zone = nitroCertificate({
    name: "zone",
    issuer: "root",
    key: NITRO_ZONE,
    signer: NITRO_ROOT,
    ca: true,
    usage: options.middleUsage ?? "keyCertSign",
    pathLength: options.middlePathLength ?? 0,
  });
  const leaf = nitroCertificate({
    name: "enclave",
    issuer: "zone",
    key: leafKey,
    signer: NITRO_ZONE,
    ca: options.leafCa === true,
    until: options.leafUntil ?? new Date("2025-06-15T03:00:00Z"),
    extensions: options.leafExtensions ?? [],
    usage: "digitalSignature",
  });
  const payload = {
    module_id: "i-0-enc0",
    digest: "SHA384",
    timestamp: TOKEN_NOW.getTime() - 60_000,
    pcrs: new Map(Array.from({ length: 16 }, (_, index) => [index, Buffer.alloc(48, index + 1)] as const)),
    certificate: leaf,
    cabundle: change([root, zone]),
    public_key: null,
    user_data: Buffer.from("data"),
    nonce: Buffer.from("a nonce"),
    ...options.payload,
  };
  const entries = Object.entries(payload).filter(([, value]) => value !== undefined);
  const document = sign1(encode(new Map(entries)), options.signingKey ?? leafKey, { tag: false, ...options.sign });
  return { document, rootPem: toPem(root, "CERTIFICATE") };
}

interface NitroCertificate {
  readonly name: string;
  readonly issuer: string;
  readonly key: KeyObject;
  readonly signer: KeyObject;
  readonly ca: boolean;
  readonly pathLength?: number;
  readonly until?: Date;
  readonly usage?: "keyCertSign" | "digitalSignature";
  readonly extensions?: readonly NewExtension[];
}

function nitroCertificate({
  name,
  issuer,
  key,
  signer,
  ca,
  pathLength,
  until,
  usage,
  extensions,
}: NitroCertificate): Uint8Array {
  const constraints = { ca, ...(ca && pathLength !== undefined ? { pathLength } : {}) };
  return createCertificate({
    subject: { CN: name },
    issuer: { CN: issuer },
    serial: 1n,
    notBefore: new Date("2025-06-14T23:00:00Z"),
    notAfter: until ?? new Date("2045-01-01T00:00:00Z"),
    publicKey: createPublicKey(key),
    signingKey: signer,
    extensions: [basicConstraints(constraints), keyUsage(usage ?? "keyCertSign"), ...(extensions ?? [])],
  });
}
