export { ERROR_CODES, type ErrorCode, type VerdictCode } from "./codes/index.ts";
export {
  causeChain,
  formatForPerson,
  formatOneLine,
  InclavareError,
  type InclavareErrorOptions,
  isInclavareError,
  type JsonValue,
  toInclavareError,
} from "./error.ts";
export type { CodeEntry, ErrorKind, VerificationCause } from "./kinds.ts";
export { fromWireError, toWireError, type WireError } from "./wire.ts";
export { type HttpProblem, toExitCode, toHttpProblem, toTtrpcStatus, type TtrpcStatus } from "./mapping.ts";
