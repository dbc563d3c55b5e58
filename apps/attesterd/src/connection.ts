import type { Socket } from "node:net";
import { InclavareError, type JsonValue, toWireError } from "@inclavare/errors";
import { encodeMessage, MessageDecoder } from "@inclavare/linux";
import type { Platform } from "@inclavare/sgx-sim";
import type { Launch, Launcher } from "./launch.ts";

const MOST_MESSAGE_BYTES = 64 * 1024;
const REPORT_DATA_BYTES = 64;

export interface ConnectionOptions {
  readonly launcher: Launcher;
  readonly platform: Platform;
  /** The peer's user id; only root launches. */
  readonly uid: number;
  readonly log: (message: string, fields: Readonly<Record<string, string | number>>) => void;
}

/** One connection is one container: launched once, then it gives that container's evidence and no other's. */
export function serveConnection(socket: Socket, options: ConnectionOptions): void {
  const decoder = new MessageDecoder(MOST_MESSAGE_BYTES);
  let launched: Launch | undefined;

  const answer = (message: JsonValue): Record<string, JsonValue> => {
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
        const { enclave } = expectLaunched(launched);
        const quote = enclave.quote(parseReportData(request["reportData"]));
        return {
          quote: Buffer.from(quote).toString("base64"),
          collateral: { ...options.platform.collateral(new Date()) },
        };
      }
      default:
        throw new InclavareError("ERR_LAUNCH", "op is not one of measure, launch, identity, evidence");
    }
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
    for (const message of messages) socket.write(encodeMessage(attempt(() => answer(message))));
  });
}

function attempt(action: () => Record<string, JsonValue>): JsonValue {
  try {
    return { ok: true, ...action() };
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

function parseReportData(value: JsonValue | undefined): Uint8Array {
  const bytes = typeof value === "string" ? Buffer.from(value, "base64") : Buffer.alloc(0);
  if (bytes.length !== REPORT_DATA_BYTES) {
    throw new InclavareError(
      "ERR_LAUNCH",
      `reportData has ${bytes.length} bytes, expected ${REPORT_DATA_BYTES} in base64`,
    );
  }
  return bytes;
}

function asRecord(message: JsonValue): Readonly<Record<string, JsonValue>> {
  if (typeof message === "object" && message !== null && !Array.isArray(message))
    return message as Readonly<Record<string, JsonValue>>;
  throw new InclavareError("ERR_LAUNCH", "the message is not an object");
}
