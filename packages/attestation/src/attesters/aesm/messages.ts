/** Messages of Intel's Architectural Enclave Service Manager: one request and one response a connection. @see Intel SGX PSW, aesm proto */
import { bool, bytes, explicit, message, nested, uint32, uint64 } from "@inclavare/ttrpc";

/** The requests in use; a request has exactly one of them. Times are milliseconds. */
export const aesmRequest = message({
  initQuoteEx: nested(
    15,
    message({
      attKeyId: bytes(1),
      withPublicKeyId: explicit(bool(3)),
      bufferSize: explicit(uint64(4)),
      timeout: uint32(9),
    }),
  ),
  getQuoteSizeEx: nested(16, message({ attKeyId: bytes(1), timeout: uint32(9) })),
  getQuoteEx: nested(
    17,
    message({
      report: bytes(1),
      attKeyId: bytes(2),
      bufferSize: uint32(4),
      timeout: uint32(9),
    }),
  ),
  getSupportedAttKeyIdNum: nested(21, message({ timeout: uint32(9) })),
  getSupportedAttKeyIds: nested(22, message({ bufferSize: uint32(1), timeout: uint32(9) })),
});

/** A response has the number of its request. `error` 0 is success. */
export const aesmResponse = message({
  initQuoteEx: nested(
    15,
    message({ error: uint32(1), targetInfo: bytes(2), publicKeyIdSize: uint64(3), publicKeyId: bytes(4) }),
  ),
  getQuoteSizeEx: nested(16, message({ error: uint32(1), quoteSize: uint32(2) })),
  getQuoteEx: nested(17, message({ error: uint32(1), quote: bytes(2) })),
  getSupportedAttKeyIdNum: nested(21, message({ error: uint32(1), count: uint32(2) })),
  getSupportedAttKeyIds: nested(22, message({ error: uint32(1), attKeyIds: bytes(2) })),
});

/** An attestation key's identity: `sgx_ql_att_key_id_ext_t`, little-endian. */
export const ATT_KEY_ID_BYTES = 256;
const ALGORITHM_OFFSET = 154;
export const ALGORITHM_ECDSA_P256 = 2;

/** @param id 256 bytes. */
export function algorithmOf(id: Uint8Array): number {
  return new DataView(id.buffer, id.byteOffset, id.byteLength).getUint32(ALGORITHM_OFFSET, true);
}

/** What aesmd says by number. */
const ERRORS: ReadonlyMap<number, string> = new Map([
  [1, "unexpected error"],
  [2, "no device"],
  [3, "wrong parameter"],
  [12, "network error"],
  [13, "network busy"],
  [17, "service stopped"],
  [18, "busy"],
  [21, "out of memory"],
  [24, "SGX device not available"],
  [27, "service not available"],
]);

export function errorText(code: number): string {
  return `error ${code} (${ERRORS.get(code) ?? "of no known name"})`;
}
