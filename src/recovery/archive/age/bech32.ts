const ALPHABET = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];
const CHECKSUM_LENGTH = 6;

/** Bech32 (BIP 173, without its limit of 90 characters), in lower case. */
export function encodeBech32(prefix: string, data: Uint8Array): string {
  const words = regroup(data, 8, 5) as number[];
  const sum = polymod([...expand(prefix), ...words, 0, 0, 0, 0, 0, 0]) ^ 1;
  const check = Array.from({ length: CHECKSUM_LENGTH }, (_, i) => (sum >>> (5 * (5 - i))) & 31);
  return `${prefix}1${[...words, ...check].map((word) => ALPHABET[word]).join('')}`;
}

/** The bytes behind a text with this prefix (given in lower case); undefined for anything not canonical. */
export function decodeBech32(prefix: string, text: string): Buffer | undefined {
  const lower = text.toLowerCase();
  if (text !== lower && text !== text.toUpperCase()) return undefined;
  if (!lower.startsWith(`${prefix}1`)) return undefined;
  const words = [...lower.slice(prefix.length + 1)].map((char) => ALPHABET.indexOf(char));
  if (words.length < CHECKSUM_LENGTH || words.includes(-1)) return undefined;
  if (polymod([...expand(prefix), ...words]) !== 1) return undefined;
  const bytes = regroup(words.slice(0, -CHECKSUM_LENGTH), 5, 8);
  return bytes && Buffer.from(bytes);
}

function expand(prefix: string): number[] {
  const codes = [...prefix].map((char) => char.charCodeAt(0));
  return [...codes.map((code) => code >>> 5), 0, ...codes.map((code) => code & 31)];
}

function polymod(words: readonly number[]): number {
  let sum = 1;
  for (const word of words) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    GENERATOR.forEach((term, bit) => {
      if ((top >>> bit) & 1) sum ^= term;
    });
  }
  return sum >>> 0;
}

/** From groups of `from` bits to groups of `to` bits; the filling at the end must be short and zero. */
function regroup(values: Iterable<number>, from: number, to: number): number[] | undefined {
  const out: number[] = [];
  let held = 0;
  let bits = 0;
  for (const value of values) {
    held = ((held << from) | value) & 0xfff;
    bits += from;
    while (bits >= to) {
      bits -= to;
      out.push((held >>> bits) & ((1 << to) - 1));
    }
  }
  if (from < to) return bits >= from || (held & ((1 << bits) - 1)) !== 0 ? undefined : out;
  if (bits > 0) out.push((held << (to - bits)) & ((1 << to) - 1));
  return out;
}
