import type { Socket } from "node:net";
import { evidenceAnswer } from "@inclavare/attestation";
import { InclavareError, type JsonValue, toWireError } from "@inclavare/errors";
import { encodeMessage, MessageDecoder } from "@inclavare/linux";
import type { Launch, Launcher } from "./launch.ts";
import type { EvidenceRequest } from "./provider.ts";

const MOST_MESSAGE_BYTES = 64 * 1024;
const REPORT_DATA_BYTES = 64;
const MOST_WAITING = 256;

export interface ConnectionOptions {
  readonly launcher: Launcher;
  /** The peer's user id; only root launches. */
  readonly uid: number;
  readonly log: (message: string, fields: Readonly<Record<string, string | number>>) => void;
}

/** One connection is one container: launched once, then it gives that container's evidence and no other's. */
export function serveConnection(socket: Socket, options: ConnectionOptions): void {
  const decoder = new MessageDecoder(MOST_MESSAGE_BYTES);
  let launched: Launch | undefined;

  const answer = async (message: JsonValue): Promise<Record<string, JsonValue>> => {
    const request = asRecord(message);
    const { op } = request;
    switch (typeof op === "string" ? op : "") {
      case "launch":
        if (launched !== undefined)
          throw new InclavareError("ERR_LAUNCH", "this connection has launched its container already");
        launched = launch(request, options);
        return { identity: { ...launched.identity } };
      case "measure":
        return { mrEnclave: Buffer.from(measure(request, options)).toString("hex") };
      case "identity":
        return { identity: { ...expectLaunched(launched).identity } };
      case "evidence": {
        const evidence = await expectLaunched(launched).evidence(parseEvidenceRequest(request));
        return evidenceAnswer(evidence);
      }
      default:
        throw new InclavareError("ERR_LAUNCH", "op is not one of measure, launch, identity, evidence");
    }
  };

  // One after the other: answers have no other mark than their order.
  let last = Promise.resolve();
  let waiting = 0;
  const enqueue = (message: JsonValue): void => {
    waiting += 1;
    if (waiting > MOST_WAITING) {
      socket.destroy();
      return;
    }
    last = last.then(async () => {
      const reply = await attempt(async () => await answer(message));
      waiting -= 1;
      if (socket.writable) socket.write(encodeMessage(reply));
    });
  };

  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    let messages: JsonValue[];
    try {
      messages = decoder.push(chunk);
    } catch (error) {
      socket.end(encodeMessage({ ok: false, error: { ...toWireError(error) } }));
      return;
    }
    for (const message of messages) enqueue(message);
  });
}

async function attempt(action: () => Promise<Record<string, JsonValue>>): Promise<JsonValue> {
  try {
    return { ok: true, ...(await action()) };
  } catch (error) {
    return { ok: false, error: { ...toWireError(error) } };
  }
}

function launch(request: Readonly<Record<string, JsonValue>>, { launcher, uid, log }: ConnectionOptions): Launch {
  if (uid !== 0) throw new InclavareError("ERR_PRIVILEGE", `only root launches enclaves, the peer has uid ${uid}`);
  const { container, enclaveDirectory } = request;
  if (typeof container !== "string" || typeof enclaveDirectory !== "string") {
    throw new InclavareError("ERR_LAUNCH", "launch needs container and enclaveDirectory, both strings");
  }
  const launched = launcher.launch(container, enclaveDirectory);
  log("enclave launched", {
    container,
    mrenclave: launched.identity.mrEnclave,
    debug: String(launched.identity.debug),
  });
  return launched;
}

/** What root's own files would be measured as; nothing is launched. */
function measure(request: Readonly<Record<string, JsonValue>>, { launcher, uid }: ConnectionOptions): Uint8Array {
  if (uid !== 0) throw new InclavareError("ERR_PRIVILEGE", `only root has enclaves measured, the peer has uid ${uid}`);
  const { enclaveDirectory } = request;
  if (typeof enclaveDirectory === "string") return launcher.measure(enclaveDirectory);
  throw new InclavareError("ERR_LAUNCH", "measure needs enclaveDirectory, a string");
}

function expectLaunched(launched: Launch | undefined): Launch {
  if (launched === undefined) throw new InclavareError("ERR_LAUNCH", "nothing has been launched on this connection");
  return launched;
}

/** Over whole claims, or over report data that stands for some. */
function parseEvidenceRequest({ claims, reportData }: Readonly<Record<string, JsonValue>>): EvidenceRequest {
  if (typeof claims === "string" && reportData === undefined) return { claims: Buffer.from(claims, "base64") };
  const bytes = typeof reportData === "string" ? Buffer.from(reportData, "base64") : Buffer.alloc(0);
  if (claims === undefined && bytes.length === REPORT_DATA_BYTES) return { reportData: bytes };
  throw new InclavareError(
    "ERR_LAUNCH",
    `evidence needs claims, or reportData of ${REPORT_DATA_BYTES} bytes (got ${bytes.length}), in base64`,
  );
}

function asRecord(message: JsonValue): Readonly<Record<string, JsonValue>> {
  if (typeof message === "object" && message !== null && !Array.isArray(message))
    return message as Readonly<Record<string, JsonValue>>;
  throw new InclavareError("ERR_LAUNCH", "the message is not an object");
}
