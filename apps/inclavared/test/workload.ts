/** A workload as init-runelet serves it: a real simulated enclave behind attest.sock in a state directory of rune's form. */
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Attester, encodeClaims, encodeEvidenceMessage, reportDataFor } from "@inclavare/attestation";
import {
  acceptEnclaveTls,
  createHttpService,
  createIdentity,
  type EnclaveTlsSocket,
  type Identity,
  readBody,
  sendBody,
  sendJson,
} from "@inclavare/enclave-tls";
import { createSigstruct, generateSigningKey, Measurement, PAGE_FLAGS } from "@inclavare/sgx";
import { createPlatform } from "@inclavare/sgx-sim";

export const ROOT = "0123456789abcdef";

export interface TestNode extends AsyncDisposable {
  readonly directory: string;
  /** PEM file of the simulated platform's root. */
  readonly rootFile: string;
  readonly workloadsDirectory: string;
  start(container: string, options: { readonly workload: string; readonly code: string }): Promise<TestWorkload>;
}

export interface TestWorkload {
  readonly mrEnclave: string;
  readonly secrets: ReadonlyMap<string, Buffer>;
  /** Handshakes that this workload has seen to their end. */
  readonly sessions: () => number;
  /** Breaks every open session, and goes on listening. */
  hangUp(): void;
  /** As if the container had died: nobody listens any more; its state stays. */
  stop(): Promise<void>;
  /** As `rune delete` does. */
  remove(): Promise<void>;
}

export async function createNode(): Promise<TestNode> {
  const directory = mkdtempSync(join(tmpdir(), "inclavared-"));
  const workloadsDirectory = join(directory, "rune");
  mkdirSync(join(workloadsDirectory, ROOT), { recursive: true });
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  const platform = await createPlatform(join(directory, "platform"), { now: new Date() }).catch((error: unknown) => {
    remove();
    throw error;
  });
  const rootFile = join(directory, "root.pem");
  writeFileSync(rootFile, platform.rootCertificatePem);
  const signingKey = generateSigningKey();
  const running: TestWorkload[] = [];

  const launch = (code: string): { readonly attester: Attester; readonly mrEnclave: string } => {
    const measurement = Measurement.create({ sizeBytes: 65_536, ssaFrameSize: 1 });
    measurement.addRegion(0, PAGE_FLAGS.rx, Buffer.from(code));
    const fields = { mrEnclave: measurement.digest(), isvProdId: 1, isvSvn: 1, date: new Date(), debug: false };
    const enclave = platform.launch({ measurement, debug: false, sigstruct: createSigstruct(fields, signingKey) });
    const mrEnclave = Buffer.from(enclave.mrEnclave).toString("hex");
    const attester: Attester = {
      tee: "simulated",
      identity: () => Promise.reject(new Error("not asked here")),
      evidence: async (reportData) => ({
        format: "sgx-quote",
        quote: enclave.quote(reportData),
        collateral: platform.collateral(new Date()),
      }),
    };
    return { attester, mrEnclave };
  };

  return {
    directory,
    rootFile,
    workloadsDirectory,
    start: async (container, { workload, code }) => {
      const { attester, mrEnclave } = launch(code);
      const identity = await createIdentity({ attester, workload, now: new Date() });
      const started = await serve(join(workloadsDirectory, ROOT, container), {
        container,
        workload,
        identity,
        mrEnclave,
      });
      running.push(started);
      return started;
    },
    [Symbol.asyncDispose]: async () => {
      for (const workload of running) await workload.stop();
      remove();
    },
  };
}

interface Subject {
  readonly container: string;
  readonly workload: string;
  readonly identity: Identity;
  readonly mrEnclave: string;
}

async function serve(directory: string, { container, workload, identity, mrEnclave }: Subject): Promise<TestWorkload> {
  mkdirSync(directory, { mode: 0o700 });
  writeFileSync(
    join(directory, "state.json"),
    JSON.stringify({ id: container, workload, created: new Date().toISOString() }),
  );
  const secrets = new Map<string, Buffer>();
  const open = new Set<EnclaveTlsSocket>();
  let sessions = 0;
  const service = createHttpService({
    handle: (request, response) => answer({ workload, identity, secrets }, request, response),
  });
  const listener = createServer((socket) => {
    const peer = { evidence: "none", authorize: () => true } as const;
    acceptEnclaveTls(socket, { identity, peer, timeoutMs: 10_000 }).then(
      (session) => {
        sessions += 1;
        open.add(session);
        session.once("close", () => open.delete(session));
        service.attach(session);
      },
      () => undefined,
    );
  });
  listener.listen(join(directory, "attest.sock"));
  await once(listener, "listening");
  const hangUp = (): void => {
    for (const session of open) session.destroy();
  };
  const stop = async (): Promise<void> => {
    if (!listener.listening) return;
    const closed = once(listener, "close");
    listener.close();
    hangUp();
    await Promise.all([closed, service.drain(0)]);
  };
  const remove = async (): Promise<void> => {
    await stop();
    rmSync(directory, { recursive: true });
  };
  return { mrEnclave, secrets, sessions: () => sessions, hangUp, stop, remove };
}

async function answer(
  { workload, identity, secrets }: { workload: string; identity: Identity; secrets: Map<string, Buffer> },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.url === "/v1/identity") {
    sendJson(response, 200, { workload, identity: {}, waitingForSecrets: secrets.has("table") ? [] : ["table"] });
    return;
  }
  const body = await readBody(request, 1 << 20);
  if (request.url === "/v1/evidence") {
    const { nonce } = JSON.parse(body.toString()) as { nonce: string };
    const pubkeyHash = { algorithm: "sha-256", value: identity.spkiSha256 } as const;
    const claims = encodeClaims({
      pubkeyHash,
      purpose: "nonce",
      role: "server",
      nonce: Buffer.from(nonce, "hex"),
      workload,
    });
    const evidence = await identity.attester?.evidence(reportDataFor(claims));
    if (evidence === undefined) throw new Error("no attester");
    sendBody(response, {
      status: 200,
      contentType: "application/cbor",
      body: encodeEvidenceMessage({ evidence, claims }),
    });
    return;
  }
  const [, name = ""] = /^\/v1\/secrets\/([\w.-]+)$/u.exec(request.url ?? "") ?? [];
  secrets.set(name, body);
  response.writeHead(204).end();
}
