/** ATTRIBUTES: flags and XFRM (Intel SDM volume 3D, SECS; 16 bytes, two little-endian u64). */

export interface Attributes {
  readonly flags: bigint;
  readonly xfrm: bigint;
}

export const ATTRIBUTE_FLAG = {
  init: 1n << 0n,
  debug: 1n << 1n,
  mode64Bit: 1n << 2n,
  provisionKey: 1n << 4n,
  einitTokenKey: 1n << 5n,
  cet: 1n << 6n,
  kss: 1n << 7n,
  aexNotify: 1n << 10n,
} as const;

/** Every flag that has a meaning; all others are reserved and must be 0. */
export const KNOWN_FLAGS: bigint = Object.values(ATTRIBUTE_FLAG).reduce((all, flag) => all | flag, 0n);

/** x87 and SSE: what every enclave has. */
export const XFRM_LEGACY: bigint = 3n;

export function readAttributes(bytes: Buffer, offset: number): Attributes {
  return { flags: bytes.readBigUInt64LE(offset), xfrm: bytes.readBigUInt64LE(offset + 8) };
}

export function writeAttributes(target: Buffer, offset: number, { flags, xfrm }: Attributes): void {
  target.writeBigUInt64LE(flags, offset);
  target.writeBigUInt64LE(xfrm, offset + 8);
}
