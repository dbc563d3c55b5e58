/** AES-128-CMAC (RFC 4493). */
import { createCipheriv } from "node:crypto";
import { expectSize } from "./bytes.ts";

const BLOCK_BYTES = 16;

/** @param key 16 bytes. @returns 16 bytes. */
export function aesCmac(key: Uint8Array, message: Uint8Array): Uint8Array<ArrayBuffer> {
  expectSize(key, BLOCK_BYTES, "CMAC key");
  const k1 = double(encrypt(key, Buffer.alloc(BLOCK_BYTES)));
  const blocks = Math.max(1, Math.ceil(message.length / BLOCK_BYTES));
  const whole = message.length === blocks * BLOCK_BYTES;
  const last = Buffer.alloc(BLOCK_BYTES);
  last.set(message.subarray((blocks - 1) * BLOCK_BYTES));
  if (!whole) last[message.length % BLOCK_BYTES] = 0x80;
  const mask = whole ? k1 : double(k1);
  for (let index = 0; index < BLOCK_BYTES; index++) last[index] = (last[index] ?? 0) ^ (mask[index] ?? 0);
  // CBC over all blocks with a zero start: the last block of the cipher text is the tag.
  const cipher = createCipheriv("aes-128-cbc", key, Buffer.alloc(BLOCK_BYTES)).setAutoPadding(false);
  const head = cipher.update(message.subarray(0, (blocks - 1) * BLOCK_BYTES));
  return Uint8Array.from(Buffer.concat([head, cipher.update(last), cipher.final()]).subarray(-BLOCK_BYTES));
}

function encrypt(key: Uint8Array, block: Uint8Array): Buffer {
  return createCipheriv("aes-128-ecb", key, null).setAutoPadding(false).update(block);
}

/** Multiplication by x in GF(2^128). */
function double(block: Buffer): Buffer {
  const value = BigInt(`0x${block.toString("hex")}`);
  const shifted = BigInt.asUintN(128, value << 1n) ^ (value >> 127n === 1n ? 0x87n : 0n);
  return Buffer.from(shifted.toString(16).padStart(2 * BLOCK_BYTES, "0"), "hex");
}
