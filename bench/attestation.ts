/** Rows that need no container: what an attested handshake costs beside mutual TLS, and how fast quotes verify. */
import { generateKeyPairSync, sign, verify } from "node:crypto";
import { once } from "node:events";
import { createServer, connect, type Socket } from "node:net";
import { connect as connectTls, createSecureContext, TLSSocket } from "node:tls";
import {
  type Attester,
  DEFAULT_POLICY,
  type EnclaveIdentity,
  trustAnchorsFromPem,
  type Verdict,
  VerificationCache,
  verifyEvidence,
  verifySgxQuote,
} from "../packages/attestation/src/index.ts";
import {
  acceptEnclaveTls,
  connectEnclaveTls,
  createIdentity,
  type EnclaveTlsSocket,
  type Identity,
  type PeerPolicy,
} from "../packages/enclave-tls/src/index.ts";
import { createSigstruct, generateSigningKey, Measurement, PAGE_FLAGS } from "../packages/sgx/src/index.ts";
import { type LaunchedEnclave, openPlatform, type Platform } from "../packages/sgx-sim/src/index.ts";
import { compare, cpuSecondsOf, type Row, secondsOf } from "./sample.ts";
import type { Workshop } from "./workshop.ts";

const HANDSHAKES = 100;
/** As a server in service is: its code compiled, what it met before known. */
const WARM_UP = 100;
const BATCHES = 15;
const QUOTES_A_BATCH = 100;
const TIMEOUT_MS = 10_000;
const KEEP_VERDICT_MS = 60_000;

export async function attestationRows(shop: Workshop): Promise<Row[]> {
  const platform = openPlatform(shop.path("platform"));
  const enclave = launch(platform);
  return [
    ...(await handshakeRows(platform, enclave)),
    await quoteRow(platform, enclave, true),
    await quoteRow(platform, enclave, false),
  ];
}

function launch(platform: Platform): LaunchedEnclave {
  const measurement = Measurement.create({ sizeBytes: 0x4000, ssaFrameSize: 1 });
  measurement.addRegion(0, PAGE_FLAGS.r, Buffer.from("bench"));
  const fields = { mrEnclave: measurement.digest(), isvProdId: 1, isvSvn: 1, date: new Date(), debug: false };
  return platform.launch({ measurement, debug: false, sigstruct: createSigstruct(fields, generateSigningKey()) });
}

/**
 * Both ends in this process, over TCP on loopback, against certificates both ways and nothing else. Warm: the ends have met
 * before, so that what the exact bytes of certificates and collateral say is known.
 */
async function handshakeRows(platform: Platform, enclave: LaunchedEnclave): Promise<Row[]> {
  // Two keys: an end that meets its own key refuses it as a reflection.
  const attester = attesterOf(platform, enclave);
  const [near, far, plain] = await Promise.all([
    createIdentity({ attester, workload: "bench", now: new Date() }),
    createIdentity({ attester, workload: "bench", now: new Date() }),
    createIdentity({ now: new Date() }),
  ]);
  const attested = async (peer: PeerPolicy): Promise<number> =>
    await cpuSecondsOf(
      async () =>
        await overTcp(async (client, accepted) => {
          const options = { peer, timeoutMs: TIMEOUT_MS };
          const ends: EnclaveTlsSocket[] = await Promise.all([
            connectEnclaveTls(client, { identity: near, ...options }),
            acceptEnclaveTls(await accepted, { identity: far, ...options }),
          ]);
          for (const end of ends) end.destroy();
        }),
    );
  const mutualTls = plainTls(plain);
  const policies = [
    ["evidence in both certificates", attestedCertificate(platform, enclave)],
    ["fresh proofs both ways", attestedPeer(platform, enclave)],
  ] as const;
  const rows: Row[] = [];
  for (const [what, policy] of policies) {
    for (let turn = 0; turn < WARM_UP; turn++) {
      await attested(policy);
      await overTcp(mutualTls);
    }
    const row = await compare(
      `Enclave-TLS handshake, ${what} / mutual TLS 1.3 (processor time)`,
      HANDSHAKES,
      async () => await attested(policy),
      async () => await cpuSecondsOf(async () => await overTcp(mutualTls)),
    );
    rows.push(row);
  }
  return rows;
}

async function overTcp(use: (client: Socket, accepted: Promise<Socket>) => Promise<void>): Promise<void> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection").then(([socket]) => socket as Socket);
  const client = connect(server.address() as { port: number });
  await once(client, "connect");
  await use(client, accepted);
  client.destroy();
  (await accepted).destroy();
  server.close();
}

/** As people write it: the server's context is made once (`tls.createServer`), the client's for each connection (`tls.connect`). */
function plainTls(identity: Identity): (client: Socket, accepted: Promise<Socket>) => Promise<void> {
  const key = identity.privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  const certificates = { key, cert: identity.certificatePem, minVersion: "TLSv1.3" } as const;
  const secureContext = createSecureContext(certificates);
  return async (client, accepted) => {
    const options = { isServer: true, requestCert: true, rejectUnauthorized: false, secureContext };
    const server = new TLSSocket(await accepted, options);
    const secured = once(server, "secure");
    const socket = connectTls({ socket: client, ...certificates, rejectUnauthorized: false });
    await Promise.all([once(socket, "secureConnect"), secured]);
  };
}

function attesterOf(platform: Platform, enclave: LaunchedEnclave): Attester {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  const identity: EnclaveIdentity = {
    mrEnclave: hex(enclave.mrEnclave),
    mrSigner: hex(enclave.mrSigner),
    isvProdId: enclave.isvProdId,
    isvSvn: enclave.isvSvn,
    debug: enclave.debug,
    manifestSha256: "",
    appImageSha256: "",
  };
  const collateral = platform.collateral(new Date());
  return {
    tee: "simulated",
    identity: async () => identity,
    evidence: async (reportData) => ({ format: "sgx-quote", quote: enclave.quote(reportData), collateral }),
  };
}

/** The full appraisal: signatures, chains, collateral, policy; what was verified of the collateral is kept. */
function attestedPeer(platform: Platform, enclave: LaunchedEnclave): PeerPolicy {
  const appraise = appraisal(platform, enclave);
  return { evidence: "required", appraise: async (_evidence, { nonce }, _claims, bytes) => appraise(bytes, nonce) };
}

/** The same for the evidence in the certificate; the collateral is this side's own. */
function attestedCertificate(platform: Platform, enclave: LaunchedEnclave): PeerPolicy {
  const appraise = appraisal(platform, enclave);
  const appraiseCertificate = async (bytes: Uint8Array): Promise<Verdict> => appraise(bytes);
  return { evidence: "certificate", allow: "no-nonce", keepVerdictMs: KEEP_VERDICT_MS, appraiseCertificate };
}

function appraisal(platform: Platform, enclave: LaunchedEnclave): (bytes: Uint8Array, nonce?: Uint8Array) => Verdict {
  const trustAnchors = trustAnchorsFromPem(platform.rootCertificatePem);
  const collateral = platform.collateral(new Date());
  const cache = new VerificationCache();
  const mrEnclave = Buffer.from(enclave.mrEnclave).toString("hex");
  const policy = { ...DEFAULT_POLICY, referenceValues: [{ mrEnclave, source: "bench" }] };
  return (bytes, nonce) =>
    verifyEvidence({
      bytes,
      trustAnchors,
      now: new Date(),
      policy,
      ...(nonce === undefined ? { collateral } : { nonce }),
      allow: nonce === undefined ? ["simulated", "no-nonce"] : ["simulated"],
      evidenceOnly: false,
      cache,
    });
}

/** How many quotes a second, beside the four P-256 signatures that no verifier of a fresh quote can do without. */
async function quoteRow(platform: Platform, enclave: LaunchedEnclave, cached: boolean): Promise<Row> {
  const quote = enclave.quote(new Uint8Array(64));
  const collateral = platform.collateral(new Date());
  const trustAnchors = trustAnchorsFromPem(platform.rootCertificatePem);
  const cache = new VerificationCache();
  const batch = (): void => {
    for (let turn = 0; turn < QUOTES_A_BATCH; turn++) {
      verifySgxQuote({ quote, collateral, trustAnchors, now: new Date(), ...(cached ? { cache } : {}) });
    }
  };
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const signature = sign("sha256", quote, privateKey);
  const signatures = cached ? 2 : 11;
  const floor = (): void => {
    for (let turn = 0; turn < QUOTES_A_BATCH * signatures; turn++) verify("sha256", quote, publicKey, signature);
  };
  const what = `SGX quote verified, ${cached ? "collateral kept" : "everything anew"} / its ${signatures} P-256 signatures alone`;
  const row = await compare(
    what,
    BATCHES,
    () => secondsOf(batch),
    () => secondsOf(floor),
  );
  const perSecond = QUOTES_A_BATCH / (await secondsOf(batch));
  return {
    ...row,
    what: `${what} (${Math.round(perSecond)} quotes/s)`,
    subject: `${row.subject} for ${QUOTES_A_BATCH}`,
    peer: `${row.peer} for ${QUOTES_A_BATCH}`,
  };
}
