import type { OutsideProcess } from "@inclavare/enclave-image";
import type { JsonValue } from "@inclavare/errors";

/** The request that creates the enclave: everything that would otherwise be in pid 1's own arguments and environment. */
export interface InitRequest {
  readonly containerId: string;
  readonly runtime: string;
  readonly runtimeArgs: string;
  readonly logLevel: string;
  readonly process: ProcessRequest;
}

/** A process as the caller asks for it; the measured manifest decides what of it reaches the application. */
export interface ProcessRequest extends OutsideProcess {
  readonly terminal: boolean;
}

/** What goes over the control socket of init-runelet, one request and one answer at a time. */
export type ControlRequest =
  | { readonly op: "init"; readonly request: InitRequest }
  | { readonly op: "start" }
  | { readonly op: "state" }
  | { readonly op: "kill"; readonly signal: number; readonly all: boolean }
  /** The answer has `evidence`, an evidence message in base64, over this nonce (hexadecimal). */
  | { readonly op: "attest"; readonly nonce: string }
  | { readonly op: "exec"; readonly process: ProcessRequest };

/** A request in the form that is sent. */
export function encodeControlRequest(request: ControlRequest): JsonValue {
  return request as unknown as JsonValue;
}
