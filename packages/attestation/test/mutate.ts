/** Inputs for decoders, made from a valid one and a number, so that a million are cheap and each can be made again. */

/** What lengths, counts and tags are most often wrong about. */
const BYTES = [0x00, 0x01, 0x1f, 0x20, 0x30, 0x7f, 0x80, 0x81, 0x84, 0x9f, 0xbf, 0xd2, 0xfe, 0xff] as const;
const WORDS = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff] as const;

type Random = (below: number) => number;

/** Bytes altered in up to four places: changed, cut off, cut out, doubled, grown, replaced by others of their own. */
export function mutate(valid: Uint8Array, seed: number): Uint8Array {
  const random = randomOf(seed);
  if (random(50) === 0) return noise(random, random(1300));
  let bytes: Buffer = Buffer.from(valid);
  for (let times = random(5); times > 0; times--) {
    const change = CHANGES[random(CHANGES.length)];
    if (change !== undefined && bytes.length > 0) bytes = change(bytes, random);
  }
  return new Uint8Array(bytes);
}

const CHANGES: readonly ((bytes: Buffer, random: Random) => Buffer)[] = [
  (bytes, random) => put(bytes, random(bytes.length), [1 << random(8)], (old, bit) => old ^ bit),
  (bytes, random) => put(bytes, random(bytes.length), [BYTES[random(BYTES.length)] ?? 0]),
  (bytes, random) => put(bytes, random(bytes.length), [...noise(random, 1 + random(8))]),
  (bytes, random) =>
    put(bytes, random(bytes.length), littleEndian(WORDS[random(WORDS.length)] ?? 0, 2 + 2 * random(2))),
  (bytes, random) =>
    put(bytes, random(bytes.length), littleEndian(WORDS[random(WORDS.length)] ?? 0, 2 + 2 * random(2)).reverse()),
  (bytes, random) => bytes.subarray(0, random(bytes.length)),
  (bytes, random) => {
    const at = random(bytes.length);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(16))]);
  },
  (bytes, random) => {
    const [at, to] = [random(bytes.length), random(bytes.length)];
    const part = bytes.subarray(at, at + 1 + random(200));
    return Buffer.concat([bytes.subarray(0, to), part, bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [at, to] = [random(bytes.length), random(bytes.length)];
    return put(bytes, to, [...bytes.subarray(at, at + 1 + random(64))]);
  },
  (bytes, random) => Buffer.concat([bytes, noise(random, 1 + random(40))]),
  (bytes, random) => Buffer.concat([bytes, Buffer.alloc(1 + random(400))]),
];

function put(bytes: Buffer, at: number, what: readonly number[], merge = (_: number, byte: number) => byte): Buffer {
  for (const [index, byte] of what.entries()) {
    const place = at + index;
    if (place < bytes.length) bytes[place] = merge(bytes[place] ?? 0, byte);
  }
  return bytes;
}

function littleEndian(value: number, sizeBytes: number): number[] {
  return Array.from({ length: sizeBytes }, (_, index) => Math.floor(value / 256 ** index) & 0xff);
}

function noise(random: Random, sizeBytes: number): Buffer {
  return Buffer.from(Array.from({ length: sizeBytes }, () => random(256)));
}

/** Mulberry32: one number after another from a seed. */
function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}
