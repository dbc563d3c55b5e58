import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import type { SecureContext } from "node:tls";
import type { Attester } from "@inclavare/attestation";
import { InclavareError } from "@inclavare/errors";
import { toPem } from "@inclavare/x509";
import { createLeafCertificate, LEAF_LIFETIME_MS } from "./certificate.ts";
import { createHandshakeContext } from "./handshake.ts";

/** Who this side is on its connections: a key, a certificate over it, and the source of its evidence, if it has one. */
export interface Identity {
  readonly certificatePem: string;
  readonly certificateDer: Uint8Array;
  readonly privateKey: KeyObject;
  /** SHA-256 of the DER SubjectPublicKeyInfo: the name of this key for those who pin it. */
  readonly spkiSha256: Uint8Array;
  readonly attester?: Attester;
  readonly workload?: string;
  readonly container?: Uint8Array;
  /** Key and certificate as TLS takes them; the same object as long as the certificate is the same. */
  readonly handshakeContext: SecureContext;
  /** Makes a new certificate over the same key where less than half of the present one's life is left. */
  renew(now: Date): Promise<void>;
}

export interface IdentityOptions {
  /** Left out: the certificate carries no evidence, and nothing can be proven to a peer that demands it. */
  readonly attester?: Attester;
  /** The workload's name, a claim in every proof; what makes it true is the measurement. */
  readonly workload?: string;
  /** Of a container in a guest TEE: the claim that says what it is (`encodeContainerClaim`), in every proof. */
  readonly container?: Uint8Array;
  /** Whether the certificate brings the attester's collateral along (RA-TLS endorsements extension). Left out: no. */
  readonly withEndorsements?: boolean;
  readonly now: Date;
}

/** Makes a fresh P-256 key, which never leaves the process, and a certificate over it. */
export async function createIdentity(options: IdentityOptions): Promise<Identity> {
  return await withCertificate(generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey, options);
}

/**
 * The identity of a key that lasts, such as an operator's.
 * @param privateKeyPem PKCS#8 or SEC1 PEM of a P-256 key.
 * @throws InclavareError ERR_TLS_KEY
 */
export async function identityFromKey(privateKeyPem: string | Uint8Array, options: IdentityOptions): Promise<Identity> {
  return await withCertificate(parsePrivateKey(privateKeyPem), options);
}

/** SHA-256 of a key's DER SubjectPublicKeyInfo. */
export function spkiSha256Of(key: KeyObject): Uint8Array {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return new Uint8Array(
    createHash("sha256")
      .update(publicKey.export({ type: "spki", format: "der" }))
      .digest(),
  );
}

function parsePrivateKey(pem: string | Uint8Array): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: typeof pem === "string" ? pem : Buffer.from(pem), format: "pem" });
  } catch {
    // OpenSSL's words about a private key stay inside: they may quote it.
    throw new InclavareError("ERR_TLS_KEY", "private key cannot be read, expected an unencrypted P-256 key in PEM");
  }
  if (key.asymmetricKeyType !== "ec" || key.asymmetricKeyDetails?.namedCurve !== "prime256v1") {
    throw new InclavareError("ERR_TLS_KEY", `private key is of type ${key.asymmetricKeyType}, expected P-256`);
  }
  return key;
}

async function withCertificate(privateKey: KeyObject, options: IdentityOptions): Promise<Identity> {
  const identity = new CertifiedKey(privateKey, options);
  await identity.renew(options.now);
  return identity;
}

class CertifiedKey implements Identity {
  readonly privateKey: KeyObject;
  readonly spkiSha256: Uint8Array;
  readonly attester?: Attester;
  readonly workload?: string;
  readonly container?: Uint8Array;
  readonly #withEndorsements: boolean;
  #der: Uint8Array = new Uint8Array(0);
  #pem = "";
  #context: SecureContext | undefined;
  #expiresAtMs = Number.NEGATIVE_INFINITY;

  constructor(privateKey: KeyObject, { attester, workload, container, withEndorsements = false }: IdentityOptions) {
    this.privateKey = privateKey;
    this.spkiSha256 = spkiSha256Of(privateKey);
    this.#withEndorsements = withEndorsements;
    if (attester !== undefined) this.attester = attester;
    if (workload !== undefined) this.workload = workload;
    if (container !== undefined) this.container = container;
  }

  get certificateDer(): Uint8Array {
    return this.#der;
  }

  get certificatePem(): string {
    return this.#pem;
  }

  get handshakeContext(): SecureContext {
    this.#context ??= createHandshakeContext(
      this.#pem,
      this.privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    );
    return this.#context;
  }

  async renew(now: Date): Promise<void> {
    if (this.#expiresAtMs - now.getTime() > LEAF_LIFETIME_MS / 2) return;
    try {
      this.#der = await createLeafCertificate({
        privateKey: this.privateKey,
        attester: this.attester,
        workload: this.workload,
        container: this.container,
        withEndorsements: this.#withEndorsements,
        now,
      });
      this.#pem = toPem(this.#der, "CERTIFICATE");
      this.#context = undefined;
      this.#expiresAtMs = now.getTime() + LEAF_LIFETIME_MS;
    } catch (error) {
      // An attester that is away for a while does no harm as long as the present certificate is good.
      if (this.#expiresAtMs <= now.getTime()) throw error;
    }
  }
}
