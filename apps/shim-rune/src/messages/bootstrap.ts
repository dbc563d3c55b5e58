/** What containerd 2.3 sends to `start`, and what it asks with `-info`. */
import { int32, message, type MessageOf, nested, repeated, text, textMap } from "@inclavare/ttrpc";
import { any } from "./common.ts";

const extension = message({ value: nested(1, any) });

/** containerd.runtime.bootstrap.v1.BootstrapParams */
export const bootstrapParams = message({
  instanceId: text(1),
  namespace: text(2),
  logLevel: int32(3),
  containerdVersion: text(4),
  containerdTtrpcAddress: text(5),
  containerdGrpcAddress: text(6),
  containerdBinary: text(7),
  extensions: repeated(nested(8, extension)),
  socketDirectory: text(9),
});
export type BootstrapParams = MessageOf<typeof bootstrapParams>;

/** containerd.types.RuntimeInfo */
export const runtimeInfo = message({
  name: text(1),
  version: nested(2, message({ version: text(1), revision: text(2) })),
  options: nested(3, any),
  features: nested(4, any),
  annotations: textMap(5),
});
