export { type CallOptions, type Client, type ClientOptions, createClient } from "./client.ts";
export {
  bool,
  bytes,
  type Codec,
  double,
  explicit,
  type Field,
  int32,
  int64,
  nested,
  repeated,
  type SingleField,
  text,
  textMap,
  uint32,
  uint64,
} from "./protobuf/fields.ts";
export { message, type MessageOf } from "./protobuf/message.ts";
export { type ConnectionSource, createServer, type Server, type ServerOptions } from "./server.ts";
export {
  type AnyMethod,
  type CallContext,
  type Metadata,
  type Method,
  type RemoteMethod,
  type Services,
  unary,
} from "./service.ts";
export { type Status, STATUS, TtrpcError, toStatus } from "./status.ts";
