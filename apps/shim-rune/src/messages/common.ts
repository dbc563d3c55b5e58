/** Messages that others are made of. */
import { bytes, int32, int64, message, type MessageOf, repeated, text } from "@inclavare/ttrpc";

export const empty = message({});

/** google.protobuf.Timestamp */
export const timestamp = message({ seconds: int64(1), nanos: int32(2) });
export type Timestamp = MessageOf<typeof timestamp>;

/** google.protobuf.Any */
export const any = message({ typeUrl: text(1), value: bytes(2) });
export type Any = MessageOf<typeof any>;

/** containerd.types.Mount */
export const mount = message({ type: text(1), source: text(2), target: text(3), options: repeated(text(4)) });
export type Mount = MessageOf<typeof mount>;

/** The name of what is in an Any: its URL behind the last slash. */
export function typeName({ typeUrl }: Any): string {
  return typeUrl.slice(typeUrl.lastIndexOf("/") + 1);
}

/** @param date wall-clock time; parts of a millisecond are not known. */
export function toTimestamp(date: Date): Timestamp {
  const ms = date.getTime();
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}
