import { STATUS, TtrpcError } from "@inclavare/ttrpc";

export function unknownScheme(scheme: string): TtrpcError {
  return new TtrpcError(STATUS.unknown, `unknown STDIO scheme ${JSON.stringify(scheme)}`);
}

export function noTerminal(scheme: string): TtrpcError {
  return new TtrpcError(STATUS.invalidArgument, `a terminal cannot be copied to ${scheme}://`);
}
