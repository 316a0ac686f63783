import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** Formats of minisign (jedisct1.github.io/minisign): Ed25519 over BLAKE2b-512 of the message. */
const KEY_ALGORITHM = 'Ed';
const PREHASHED = 'ED';
const UNTRUSTED = 'untrusted comment: ';
const TRUSTED = 'trusted comment: ';

/** DER before the 32 bytes of an Ed25519 public key (RFC 8410). */
const SPKI = Buffer.from('302a300506032b6570032100', 'hex');

/** Encodings of the points of small order, sign bit cleared; a key or nonce among them proves nothing. */
const SMALL_ORDER = new Set([
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]);

export interface PublicKey {
  /** 16 hex digits in upper case, as minisign shows it. */
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Buffer;
  readonly key: KeyObject;
}

/** A key that signs: what is kept of a secret key file once it is open. */
export interface SigningKey {
  readonly id: string;
  readonly key: KeyObject;
}

export interface Signature {
  readonly keyId: string;
  readonly untrustedComment: string;
  readonly trustedComment: string;
  /** 64 bytes over the prehashed message. */
  readonly signature: Buffer;
  /** 64 bytes over signature and trusted comment. */
  readonly global: Buffer;
}

export interface Comments {
  readonly untrusted: string;
  readonly trusted: string;
}

/** Reads a public key file, or the bare base64 line. Undefined for anything else, weak keys included. */
export function parsePublicKey(text: string): PublicKey | undefined {
  const lines = text
    .replace(/\r\n/g, '\n')
    .split('\n')
    .filter((line) => line !== '');
  const raw = decodeBase64(lines.at(-1) ?? '', 42);
  const commented = lines.length === 2 && lines[0]?.startsWith(UNTRUSTED);
  if (!raw || !(commented || lines.length === 1)) return undefined;
  if (raw.toString('latin1', 0, 2) !== KEY_ALGORITHM) return undefined;
  return publicKeyOf(raw.subarray(2, 10), raw.subarray(10));
}

/** @param id eight bytes  @param bytes the point; undefined when it is of small order or not canonical */
export function publicKeyOf(id: Buffer, bytes: Buffer): PublicKey | undefined {
  if (isSmallOrder(bytes) || !isCanonicalPoint(bytes)) return undefined;
  const key = createPublicKey({ key: Buffer.concat([SPKI, bytes]), format: 'der', type: 'spki' });
  return { id: formatKeyId(id), bytes: Buffer.from(bytes), key };
}

export function formatPublicKey(key: PublicKey): string {
  const raw = Buffer.concat([Buffer.from(KEY_ALGORITHM), keyIdBytes(key.id), key.bytes]);
  return `${UNTRUSTED}minisign public key ${key.id}\n${raw.toString('base64')}\n`;
}

/** The id as minisign prints it: eight bytes, little-endian, as hex. */
export function formatKeyId(id: Buffer): string {
  return Buffer.from(id).reverse().toString('hex').toUpperCase();
}

export function keyIdBytes(id: string): Buffer {
  return Buffer.from(id, 'hex').reverse();
}

/** Signs the way `minisign -S` does. */
export function signMessage(message: Buffer, key: SigningKey, comments: Comments): Signature {
  const signature = sign(null, prehash(message), key.key);
  const global = sign(null, Buffer.concat([signature, Buffer.from(comments.trusted)]), key.key);
  return {
    keyId: key.id,
    untrustedComment: comments.untrusted,
    trustedComment: comments.trusted,
    signature,
    global,
  };
}

/** True when both signatures are by this key; R of small order and S beyond the group order are refused. */
export function verifySignature(message: Buffer, key: PublicKey, signature: Signature): boolean {
  if (signature.keyId !== key.id) return false;
  if ([signature.signature, signature.global].some((bytes) => isSmallOrder(bytes.subarray(0, 32))))
    return false;
  const commented = Buffer.concat([signature.signature, Buffer.from(signature.trustedComment)]);
  return (
    verify(null, prehash(message), key.key, signature.signature) &&
    verify(null, commented, key.key, signature.global)
  );
}

/** The four lines of a .minisig file. */
export function formatSignature(signature: Signature): string {
  const raw = Buffer.concat([Buffer.from(PREHASHED), keyIdBytes(signature.keyId), signature.signature]);
  return [
    `${UNTRUSTED}${signature.untrustedComment}`,
    raw.toString('base64'),
    `${TRUSTED}${signature.trustedComment}`,
    signature.global.toString('base64'),
    '',
  ].join('\n');
}

/** Reads four lines; gives what is wrong as text. The legacy kind (not prehashed) is refused. */
export function parseSignature(lines: readonly string[]): Signature | string {
  const [first = '', second = '', third = '', fourth = ''] = lines;
  if (!first.startsWith(UNTRUSTED)) return `does not begin with "${UNTRUSTED.trim()}"`;
  if (!third.startsWith(TRUSTED)) return `has no "${TRUSTED.trim()}" line`;
  const raw = decodeBase64(second, 74);
  const global = decodeBase64(fourth, 64);
  if (!raw || !global) return 'is not canonical base64 of the right length';
  const algorithm = raw.toString('latin1', 0, 2);
  if (algorithm === KEY_ALGORITHM) return 'is of the legacy kind Ed, not prehashed';
  if (algorithm !== PREHASHED) return 'is of an unknown algorithm';
  return {
    keyId: formatKeyId(raw.subarray(2, 10)),
    untrustedComment: first.slice(UNTRUSTED.length),
    trustedComment: third.slice(TRUSTED.length),
    signature: Buffer.from(raw.subarray(10)),
    global,
  };
}

/** Node decodes `Bwc=` and `Bwd=` to the same bytes: only text that encodes back to itself counts. */
function decodeBase64(text: string, length: number): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length === length && bytes.toString('base64') === text ? bytes : undefined;
}

function prehash(message: Buffer): Buffer {
  return createHash('blake2b512').update(message).digest();
}

function isSmallOrder(point: Buffer): boolean {
  const masked = Buffer.from(point);
  masked[31] = (masked[31] as number) & 0x7f;
  return SMALL_ORDER.has(masked.toString('hex'));
}

/** y below p = 2^255 - 19; greater encodings name the same point twice. */
function isCanonicalPoint(point: Buffer): boolean {
  if (((point[31] as number) & 0x7f) !== 0x7f) return true;
  if (point.subarray(1, 31).some((byte) => byte !== 0xff)) return true;
  return (point[0] as number) < 0xed;
}
