import type { Codec } from "./protobuf/fields.ts";

/** Repeated keys have several values; keys are lower case. */
export type Metadata = ReadonlyMap<string, readonly string[]>;

/** What a handler knows about the call beside its request. */
export interface CallContext {
  readonly service: string;
  readonly method: string;
  readonly metadata: Metadata;
  /** Aborted when nobody waits for the answer any more: deadline passed, connection closed, server closed. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, on the scale of `performance.now()`; undefined: never. */
  readonly deadlineMs: number | undefined;
}

/** A unary method as a server offers it. */
export interface Method<Q, A> {
  readonly request: Pick<Codec<Q>, "decode">;
  readonly response: { encode(value: A): Uint8Array };
  handle(request: Q, context: CallContext): A | Promise<A>;
}

/** Methods of any types, as a table holds them. */
export interface AnyMethod {
  readonly request: { decode(bytes: Uint8Array): unknown };
  readonly response: { encode(value: never): Uint8Array };
  handle(request: never, context: CallContext): unknown;
}

/** Services by full name (`containerd.task.v2.Task`), methods by bare name (`Create`). */
export type Services = Readonly<Record<string, Readonly<Record<string, AnyMethod>>>>;

/** A method for a {@link Services} table, its handler checked against its codecs. */
export function unary<Q, A>(
  request: Pick<Codec<Q>, "decode">,
  response: { encode(value: A): Uint8Array },
  handle: (request: Q, context: CallContext) => A | Promise<A>,
): Method<Q, A> {
  return { request, response, handle };
}

/** A unary method as a client calls it. */
export interface RemoteMethod<Q, A> {
  readonly service: string;
  readonly method: string;
  readonly request: { encode(value: Q): Uint8Array };
  readonly response: Pick<Codec<A>, "decode">;
}
