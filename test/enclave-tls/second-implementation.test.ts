/** The document against the code: an end written from docs/enclave-tls.md alone talks with one of the package. */
import assert from "node:assert/strict";
import { createPublicKey, generateKeyPairSync, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";
import { after, before, describe, it } from "node:test";
import { connect, TLSSocket } from "node:tls";
import {
  connectEnclaveTls,
  createEnclaveTlsServer,
  createIdentity,
  type EnclaveTlsSocket,
  type Identity,
} from "../../packages/enclave-tls/src/index.ts";
import { acceptOnly, type SimulatedPlatform, startPlatform } from "../../packages/enclave-tls/test/simulated.ts";
import { createCertificate, fromPem, toPem } from "../../packages/x509/src/index.ts";
import { checkProof, type Connection, FRAME, Frames, peerOf, prove } from "./second-implementation.ts";

const TIMEOUT_MS = 20_000;
const ANYBODY = { evidence: "none", authorize: () => true } as const;

let platform: SimulatedPlatform;
let enclave: ReturnType<SimulatedPlatform["launch"]>;
let identity: Identity;

before(async () => {
  platform = await startPlatform();
  enclave = platform.launch("workload");
  identity = await createIdentity({ attester: enclave, workload: "payroll", now: new Date() });
});
after(() => platform[Symbol.dispose]());

interface Keys {
  readonly key: string;
  readonly cert: string;
  readonly der: Uint8Array;
  readonly spki: Uint8Array;
}

/** A key whose certificate has no evidence, as a side without a TEE shows it. */
function plainKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const day = 24 * 3600 * 1000;
  const der = createCertificate({
    subject: { CN: "second" },
    serial: 7n,
    notBefore: new Date(Date.now() - day),
    notAfter: new Date(Date.now() + day),
    publicKey,
    signingKey: privateKey,
    extensions: [],
  });
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: toPem(der, "CERTIFICATE"),
    der,
    spki: publicKey.export({ type: "spki", format: "der" }),
  };
}

/** The keys of an identity, whose certificate carries evidence. */
function attestedKeys({ privateKey, certificatePem }: Identity): Keys {
  const [der = new Uint8Array(0)] = fromPem(certificatePem, "CERTIFICATE", "certificate");
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    cert: certificatePem,
    der,
    spki: createPublicKey(privateKey).export({ type: "spki", format: "der" }),
  };
}

const TLS = { ALPNProtocols: ["inclavare-etls/1"], minVersion: "TLSv1.3", rejectUnauthorized: false } as const;

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

describe("an end written from the document alone", () => {
  it("as a client, demands a proof of the package's server, and exchanges data with it", async () => {
    const server = createEnclaveTlsServer({ identity, peer: ANYBODY, timeoutMs: TIMEOUT_MS }, (socket) => {
      socket.pipe(socket);
    });
    const port = await listen(server);
    const { der, spki, ...certificate } = plainKeys();
    const tls = connect({ host: "127.0.0.1", port, ...TLS, ...certificate });
    await once(tls, "secureConnect");
    assert.equal(tls.alpnProtocol, "inclavare-etls/1");
    const connection: Connection = { tls, role: "client", ownLeaf: der, ownSpki: spki, peer: peerOf(tls) };
    const frames = new Frames(tls);
    const nonce = randomBytes(32);
    frames.send(FRAME.challenge, nonce);
    assert.equal((await frames.receive(FRAME.challenge)).length, 0);
    const quote = checkProof(connection, nonce, await frames.receive(FRAME.evidence));
    // MRENCLAVE, at 64 of the report.
    assert.equal(quote.toString("hex", 48 + 64, 48 + 96), enclave.mrEnclave);
    frames.send(FRAME.accept);
    await frames.receive(FRAME.accept);
    frames.send(FRAME.data, Buffer.from("hello"));
    assert.equal((await frames.receive(FRAME.data)).toString(), "hello");
    // A further proof on the open connection.
    const again = randomBytes(32);
    frames.send(FRAME.challenge, again);
    checkProof(connection, again, await frames.receive(FRAME.evidence));
    frames.send(FRAME.end);
    await frames.receive(FRAME.end);
    tls.end();
    server.close();
  });

  it("as a server, proves itself to the package's client, again too, and is refused once it does not", async () => {
    const keys = attestedKeys(identity);
    const quote = async (reportData: Uint8Array): Promise<Uint8Array> => (await enclave.evidence(reportData)).quote;
    const accepted = Promise.withResolvers<{ connection: Connection; frames: Frames }>();
    const listener = createServer((socket) => {
      const { key, cert } = keys;
      const tls = new TLSSocket(socket, { ...TLS, key, cert, isServer: true, requestCert: true });
      tls.on("error", () => {});
      tls.once("secure", () => {
        const own = { ownLeaf: keys.der, ownSpki: keys.spki };
        const connection: Connection = { tls, role: "server", ...own, peer: peerOf(tls) };
        accepted.resolve({ connection, frames: new Frames(tls) });
      });
    });
    const port = await listen(listener);
    const operator = await createIdentity({ now: new Date() });
    const { appraise } = acceptOnly(platform.trustAnchors, enclave.mrEnclave);
    // What the quote comes with is not said by the second implementation: the verifier has collateral of its own.
    const { collateral } = await enclave.evidence(new Uint8Array(64));
    const { encodeEvidenceMessage } = await import("../../packages/attestation/src/index.ts");
    const client: Promise<EnclaveTlsSocket> = connectEnclaveTls(
      { host: "127.0.0.1", port },
      {
        identity: operator,
        timeoutMs: TIMEOUT_MS,
        peer: {
          evidence: "required",
          appraise: async (evidence, claims, claimsBytes) => {
            const full = { ...evidence, ...(collateral === undefined ? {} : { collateral }) };
            const message = encodeEvidenceMessage({ evidence: full, claims: claimsBytes });
            return await appraise(full, claims, claimsBytes, message);
          },
        },
      },
    );
    const { connection, frames } = await accepted.promise;
    frames.send(FRAME.challenge);
    const nonce = await frames.receive(FRAME.challenge);
    assert.equal(nonce.length, 32);
    frames.send(FRAME.evidence, await prove(connection, nonce, quote));
    await frames.receive(FRAME.accept);
    frames.send(FRAME.accept);
    const socket = await client;
    socket.write("hello");
    assert.equal((await frames.receive(FRAME.data)).toString(), "hello");
    const further = socket.reattest();
    frames.send(FRAME.evidence, await prove(connection, await frames.receive(FRAME.challenge), quote));
    await further;
    assert.equal(socket.destroyed, false);
    const last = socket.reattest();
    await frames.receive(FRAME.challenge);
    frames.send(FRAME.evidence, await prove(connection, nonce, quote));
    await last;
    const refusal = JSON.parse((await frames.receive(FRAME.refuse)).toString()) as { code: string };
    assert.equal(refusal.code, "ERR_TLS_PROOF_NONCE");
    connection.tls.destroy();
    listener.close();
  });
});
