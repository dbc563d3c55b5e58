import type { IncomingMessage, ServerResponse } from "node:http";
import type { Server } from "node:net";
import {
  type Claims,
  encodeClaims,
  encodeEvidenceMessage,
  type EnclaveIdentity,
  reportDataFor,
} from "@inclavare/attestation";
import type { EnclaveManifest } from "@inclavare/enclave-image";
import {
  createEnclaveTlsServer,
  createHttpService,
  type EnclaveTlsSocket,
  type Identity,
  readBody,
  sendBody,
  sendJson,
} from "@inclavare/enclave-tls";
import { InclavareError } from "@inclavare/errors";
import type { Secrets } from "./secrets.ts";

/** By way of here: a package that is imported as a whole would come into the payload as a whole. */
export { createIdentity } from "@inclavare/enclave-tls";

const HANDSHAKE_DEADLINE_MS = 20_000;
const MOST_REQUEST_BYTES = 64 * 1024;
const MOST_SECRET_BYTES = 16 * 1024 * 1024;
const MOST_CONNECTIONS = 64;
const NONCE_BYTES = { least: 8, most: 64 } as const;

/** What the outside may learn of this enclave, and what it may bring. */
export interface AttestedEnclave {
  readonly identity: Identity;
  readonly enclave: EnclaveIdentity;
  readonly manifest: EnclaveManifest;
  readonly secrets: Secrets;
}

/** What fresh evidence is made for. */
export interface EvidenceRequest {
  readonly nonce: Uint8Array;
  /** Data of the asker's own, a claim in the evidence. */
  readonly application?: Uint8Array;
}

/**
 * Enclave-TLS on the inherited listening socket. This side always proves itself; the peer may be anybody, but only a key
 * that the measured manifest names as a verifier brings secrets.
 */
export function serveAttestation(descriptor: number, subject: AttestedEnclave): Server {
  const service = createHttpService({
    handle: async (request, response) => await answer(subject, request, response),
  });
  const server = createEnclaveTlsServer(
    {
      identity: subject.identity,
      peer: { evidence: "none", authorize: () => true },
      timeoutMs: HANDSHAKE_DEADLINE_MS,
      maxConnections: MOST_CONNECTIONS,
    },
    (session) => service.attach(session),
  );
  server.listen({ fd: descriptor });
  return server;
}

async function answer(subject: AttestedEnclave, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = request.url ?? "";
  if (request.method === "GET" && path === "/v1/identity") {
    const { manifest, enclave, secrets } = subject;
    return sendJson(response, 200, {
      workload: manifest.workload,
      identity: enclave,
      waitingForSecrets: secrets.missing(),
    });
  }
  if (request.method === "POST" && path === "/v1/evidence") {
    const message = await makeEvidence(subject, parseEvidenceRequest(await readBody(request, MOST_REQUEST_BYTES)));
    sendBody(response, { status: 200, contentType: "application/cbor", body: message });
    return;
  }
  const secret = /^\/v1\/secrets\/([A-Za-z0-9._-]{1,128})$/u.exec(path)?.[1];
  if (request.method === "PUT" && secret !== undefined) {
    assertVerifier(subject, request.socket as unknown as EnclaveTlsSocket);
    subject.secrets.deliver(secret, await readBody(request, MOST_SECRET_BYTES));
    response.writeHead(204).end();
    return;
  }
  throw new InclavareError("ERR_ROUTE_UNKNOWN", `there is nothing at ${request.method ?? ""} ${path}`);
}

/** Fresh evidence for a caller's nonce. Its purpose is `nonce`: it can never pass for a session's proof. */
export async function makeEvidence(
  { identity, manifest }: AttestedEnclave,
  { nonce, application }: EvidenceRequest,
): Promise<Uint8Array> {
  const { attester } = identity;
  if (attester === undefined) throw new InclavareError("ERR_INTERNAL", "this enclave has no attester");
  const claims: Claims = {
    pubkeyHash: { algorithm: "sha-256", value: identity.spkiSha256 },
    purpose: "nonce",
    role: "server",
    nonce,
    workload: manifest.workload,
    ...(application === undefined ? {} : { application }),
  };
  const claimsBytes = encodeClaims(claims);
  const evidence = await attester.evidence(reportDataFor(claimsBytes));
  return encodeEvidenceMessage({ evidence, claims: claimsBytes });
}

function parseEvidenceRequest(body: Buffer): EvidenceRequest {
  let value: unknown;
  try {
    value = JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new InclavareError("ERR_JSON", "the body is not JSON", { cause });
  }
  const { nonce, application } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const bytes = parseNonce(nonce);
  if (application === undefined) return { nonce: bytes };
  if (typeof application !== "string") throw new InclavareError("ERR_JSON", "application is not a base64 string");
  return { nonce: bytes, application: Buffer.from(application, "base64") };
}

/** @throws ERR_NONCE for anything but 8 to 64 bytes in hexadecimal digits */
export function parseNonce(nonce: unknown): Uint8Array {
  if (typeof nonce !== "string" || !/^(?:[0-9a-f]{2})+$/iu.test(nonce)) {
    throw new InclavareError("ERR_NONCE", "nonce is not a string of hexadecimal bytes");
  }
  const bytes = Buffer.from(nonce, "hex");
  if (bytes.length < NONCE_BYTES.least || bytes.length > NONCE_BYTES.most) {
    throw new InclavareError(
      "ERR_NONCE",
      `the nonce has ${bytes.length} bytes, expected ${NONCE_BYTES.least} to ${NONCE_BYTES.most}`,
    );
  }
  return bytes;
}

function assertVerifier({ manifest }: AttestedEnclave, session: EnclaveTlsSocket): void {
  const key = Buffer.from(session.peer.spkiSha256).toString("hex");
  if (!manifest.verifiers.includes(key)) {
    throw new InclavareError(
      "ERR_VERIFIER_UNKNOWN",
      "the enclave manifest does not name the peer's key as a verifier",
      { details: { key } },
    );
  }
}
