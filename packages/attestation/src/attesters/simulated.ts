import type { Duplex } from "node:stream";
import { createSimulatedAttester, type SimulatedAttesterOptions } from "../attesterd/attester.ts";
import type { AttesterPlugin } from "./registry.ts";

export interface SimulatedOptions extends SimulatedAttesterOptions {
  /** A container's own connection to attesterd, launched already. */
  readonly stream: Duplex;
}

export const simulatedPlugin: AttesterPlugin<"simulated", SimulatedOptions> = {
  name: "simulated",
  summary: "attesterd, on a simulated SGX platform",
  probe: async ({ stream }) => await Promise.resolve(stream.destroyed ? "the connection has ended" : undefined),
  open: async ({ stream, ...options }) => await Promise.resolve(createSimulatedAttester(stream, options)),
};
