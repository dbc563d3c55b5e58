import { InclavareError } from "@inclavare/errors";
import { requestControl } from "../control-client.ts";
import { readRecord } from "../record.ts";
import { type Engine, pathsOf } from "./engine.ts";

/** Making a key and a quote takes some milliseconds, on a loaded node more. */
const ATTEST_DEADLINE_MS = 30_000;

/**
 * Asks a running enclave for fresh evidence over a nonce. Its purpose is `nonce`: it cannot pass for a session's proof.
 * @param nonce 8 to 64 bytes in hexadecimal digits.
 * @returns an evidence message (CBOR).
 * @throws ERR_CONTAINER_NOT_FOUND, ERR_RUNELET_ENDED, ERR_NONCE, ERR_EVIDENCE_UNBOUND (a PAL library's enclave)
 */
export async function attestContainer(engine: Engine, id: string, nonce: string): Promise<Uint8Array> {
  const paths = pathsOf(engine, id);
  readRecord(paths);
  const { evidence } = await requestControl(paths.control, { op: "attest", nonce }, { timeoutMs: ATTEST_DEADLINE_MS });
  if (typeof evidence === "string") return Buffer.from(evidence, "base64");
  throw new InclavareError("ERR_INTERNAL", "init-runelet's answer has no evidence");
}
