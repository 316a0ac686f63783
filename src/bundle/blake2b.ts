/**
 * BLAKE2b with 32 bytes of output (RFC 7693), which node:crypto does not offer. minisign's secret key files carry it
 * as a checksum; nothing here relies on it for security.
 */
export function blake2b256(message: Buffer): Buffer {
  const state = IV.map((word, index) => (index === 0 ? word ^ 0x01010020n : word));
  const blocks = Math.max(1, Math.ceil(message.length / 128));
  for (let block = 0; block < blocks; block++) {
    const isLast = block === blocks - 1;
    const chunk = Buffer.alloc(128);
    message.copy(chunk, 0, block * 128, Math.min(message.length, (block + 1) * 128));
    compress(state, chunk, { count: BigInt(isLast ? message.length : (block + 1) * 128), isLast });
  }
  const out = Buffer.alloc(64);
  state.forEach((word, index) => {
    out.writeBigUInt64LE(word, index * 8);
  });
  return out.subarray(0, 32);
}

const MASK = (1n << 64n) - 1n;

const IV: readonly bigint[] = [
  0x6a09e667f3bcc908n,
  0xbb67ae8584caa73bn,
  0x3c6ef372fe94f82bn,
  0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n,
  0x9b05688c2b3e6c1fn,
  0x1f83d9abfb41bd6bn,
  0x5be0cd19137e2179n,
];

/** The order of the message words in each of the ten rounds; rounds 10 and 11 repeat the first two. */
const SIGMA = [
  '0123456789abcdef',
  'ea489fd61c02b753',
  'b8c052fdae367194',
  '7931dcbe265a40f8',
  '905724afe1bc683d',
  '2c6a0b834d75fe19',
  'c51fed4a0763928b',
  'db7ec13950f4862a',
  '6fe9b308c2d714a5',
  'a2847615fb9e3cd0',
].map((row) => [...row].map((digit) => Number.parseInt(digit, 16)));

interface Counter {
  readonly count: bigint;
  readonly isLast: boolean;
}

function compress(state: bigint[], chunk: Buffer, { count, isLast }: Counter): void {
  const words = Array.from({ length: 16 }, (_, index) => chunk.readBigUInt64LE(index * 8));
  const work = [...state, ...IV];
  work[12] = (work[12] as bigint) ^ count;
  if (isLast) work[14] = (work[14] as bigint) ^ MASK;
  for (let round = 0; round < 12; round++) mixRound(work, words, SIGMA[round % 10] as number[]);
  for (let i = 0; i < 8; i++) {
    state[i] = (state[i] as bigint) ^ (work[i] as bigint) ^ (work[i + 8] as bigint);
  }
}

/** Columns, then diagonals. */
const LANES = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14],
] as const;

function mixRound(work: bigint[], words: readonly bigint[], order: readonly number[]): void {
  LANES.forEach(([a, b, c, d], lane) => {
    const at = (index: number): bigint => work[index] as bigint;
    const word = (index: number): bigint => words[order[2 * lane + index] as number] as bigint;
    work[a] = (at(a) + at(b) + word(0)) & MASK;
    work[d] = rotate(at(d) ^ at(a), 32n);
    work[c] = (at(c) + at(d)) & MASK;
    work[b] = rotate(at(b) ^ at(c), 24n);
    work[a] = (at(a) + at(b) + word(1)) & MASK;
    work[d] = rotate(at(d) ^ at(a), 16n);
    work[c] = (at(c) + at(d)) & MASK;
    work[b] = rotate(at(b) ^ at(c), 63n);
  });
}

function rotate(value: bigint, count: bigint): bigint {
  return ((value >> count) | (value << (64n - count))) & MASK;
}
