/** The three messages of ttrpc itself. */
import { bytes, int32, int64, nested, repeated, text } from "./protobuf/fields.ts";
import { message, type MessageOf } from "./protobuf/message.ts";

const keyValue = message({ key: text(1), value: text(2) });

/** The data of a request frame. */
export const request = message({
  service: text(1),
  method: text(2),
  payload: bytes(3),
  /** Time that was left when it was sent, in nanoseconds; 0: no limit. */
  timeoutNanos: int64(4),
  metadata: repeated(nested(5, keyValue)),
});

/** google.rpc.Status; the details are kept encoded. */
const status = message({ code: int32(1), message: text(2), details: repeated(bytes(3)) });

/** The data of a response frame. */
export const response = message({ status: nested(1, status), payload: bytes(2) });

export type Request = MessageOf<typeof request>;
