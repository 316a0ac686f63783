import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, scrypt } from 'node:crypto';
import { AirgapError } from '../errors.js';
import { blake2b256 } from './blake2b.js';
import { formatKeyId, type PublicKey, publicKeyOf, type SigningKey } from './minisign.js';

const COMMENT = 'untrusted comment: ';
const KEY_ALGORITHM = Buffer.from('Ed');
const SCRYPT = Buffer.from('Sc');
const NO_KDF = Buffer.alloc(2);
const CHECKSUM = Buffer.from('B2');

/** What deriving a key from a passphrase may cost, in libsodium's units. */
export interface KdfLimits {
  readonly ops: bigint;
  /** Bytes. */
  readonly mem: bigint;
}

/** libsodium's "sensitive" limits, which minisign uses: N = 2^20, r = 8, p = 1, about 1 GiB and 3 s. */
const SENSITIVE: KdfLimits = { ops: 33_554_432n, mem: 1_073_741_824n };
/** A key file may not ask for more memory than this, in bytes. */
const MEM_MOST = 4_294_967_296n;

/** DER before the 32 bytes of an Ed25519 seed (RFC 8410). */
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex');

const FRAME = { kdf: 2, checksum: 4, salt: 6, ops: 38, mem: 46, secret: 54, end: 158 };
/** minisign leaves the checksum of a key that is stored in clear at zero. */
const SECRET = { seed: 8, point: 40, checksum: 72, end: 104 };

export interface KeyPair {
  readonly publicKey: PublicKey;
  /** The text of the secret key file, as minisign writes it. */
  readonly secretText: string;
}

/** @param passphrase undefined for a key that is stored in clear */
export async function generateKeyPair(
  passphrase: string | undefined,
  limits: KdfLimits = SENSITIVE,
): Promise<KeyPair> {
  const { privateKey } = generateKeyPairSync('ed25519');
  const seed = privateKey.export({ format: 'der', type: 'pkcs8' }).subarray(-32);
  const point = pointOf(seed);
  const id = randomBytes(8);
  const publicKey = publicKeyOf(id, point) as PublicKey;
  const body = Buffer.concat([id, seed, point]);
  const secret = Buffer.concat([body, blake2b256(Buffer.concat([KEY_ALGORITHM, body]))]);
  return { publicKey, secretText: await formatSecret(secret, { passphrase, limits }) };
}

/**
 * Opens a secret key file of minisign or of keygen.
 * @param passphrase asked for only when the file is encrypted
 * @throws AirgapError KEY_INVALID
 */
export async function openSecretKey(text: string, passphrase: () => Promise<string>): Promise<SigningKey> {
  const frame = decodeFrame(text);
  const kdf = frame.subarray(FRAME.kdf, FRAME.checksum);
  let secret = frame.subarray(FRAME.secret, FRAME.end);
  if (kdf.equals(SCRYPT)) {
    const salt = frame.subarray(FRAME.salt, FRAME.ops);
    const limits = { ops: frame.readBigUInt64LE(FRAME.ops), mem: frame.readBigUInt64LE(FRAME.mem) };
    secret = xor(secret, await deriveKey(await passphrase(), salt, limits));
  } else if (!kdf.equals(NO_KDF)) {
    throw invalid('is encrypted in a way that is not known');
  }
  const body = Buffer.concat([KEY_ALGORITHM, secret.subarray(0, SECRET.checksum)]);
  const seed = secret.subarray(SECRET.seed, SECRET.point);
  const sum = secret.subarray(SECRET.checksum, SECRET.end);
  const isClear = kdf.equals(NO_KDF);
  const isRight = blake2b256(body).equals(sum) || (isClear && sum.every((byte) => byte === 0));
  if (!isRight || !pointOf(seed).equals(secret.subarray(SECRET.point, SECRET.checksum))) {
    throw invalid(isClear ? 'is damaged' : 'does not open with this passphrase');
  }
  return { id: formatKeyId(secret.subarray(0, SECRET.seed)), key: privateKeyOf(seed) };
}

/** Whether openSecretKey will ask for a passphrase. @throws AirgapError KEY_INVALID */
export function isEncrypted(text: string): boolean {
  return decodeFrame(text).subarray(FRAME.kdf, FRAME.checksum).equals(SCRYPT);
}

interface Protection {
  readonly passphrase: string | undefined;
  readonly limits: KdfLimits;
}

async function formatSecret(secret: Buffer, { passphrase, limits }: Protection): Promise<string> {
  const salt = passphrase === undefined ? Buffer.alloc(32) : randomBytes(32);
  const numbers = Buffer.alloc(16);
  let body = secret;
  if (passphrase !== undefined) {
    numbers.writeBigUInt64LE(limits.ops, 0);
    numbers.writeBigUInt64LE(limits.mem, 8);
    body = xor(secret, await deriveKey(passphrase, salt, limits));
  }
  const kdf = passphrase === undefined ? NO_KDF : SCRYPT;
  const frame = Buffer.concat([KEY_ALGORITHM, kdf, CHECKSUM, salt, numbers, body]);
  const kind = passphrase === undefined ? 'minisign secret key' : 'minisign encrypted secret key';
  return `${COMMENT}${kind}\n${frame.toString('base64')}\n`;
}

function decodeFrame(text: string): Buffer {
  const lines = text
    .replace(/\r\n/g, '\n')
    .split('\n')
    .filter((line) => line !== '');
  const frame = Buffer.from(lines[1] ?? '', 'base64');
  const isFrame = lines.length === 2 && lines[0]?.startsWith(COMMENT) && frame.length === FRAME.end;
  if (!isFrame || !frame.subarray(0, 2).equals(KEY_ALGORITHM)) throw invalid('is no minisign secret key');
  if (!frame.subarray(FRAME.checksum, FRAME.salt).equals(CHECKSUM))
    throw invalid('is no minisign secret key');
  return frame;
}

/** libsodium's way from limits to the parameters of scrypt (crypto_pwhash_scryptsalsa208sha256). */
function deriveKey(passphrase: string, salt: Buffer, { ops, mem }: KdfLimits): Promise<Buffer> {
  if (mem > MEM_MOST || ops > SENSITIVE.ops * 16n) throw invalid('asks for more memory than is allowed');
  const work = ops < 32_768n ? 32_768n : ops;
  const r = 8n;
  const bySpeed = work < mem / 32n;
  const maxN = bySpeed ? work / (r * 4n) : mem / (r * 128n);
  let log = 1n;
  while (log < 63n && 1n << log <= maxN / 2n) log++;
  const N = 1n << log;
  const p = bySpeed ? 1n : work / 4n / N / r;
  const options = {
    N: Number(N),
    r: Number(r),
    p: Math.max(1, Number(p)),
    maxmem: Number(MEM_MOST) + 2 ** 26,
  };
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, SECRET.end, options, (error, key) => (error ? reject(error) : resolve(key)));
  });
}

function privateKeyOf(seed: Buffer) {
  return createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' });
}

function pointOf(seed: Buffer): Buffer {
  const der = createPublicKey(privateKeyOf(seed)).export({ format: 'der', type: 'spki' });
  return Buffer.from(der.subarray(-32));
}

function xor(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, index) => byte ^ (other[index] as number)));
}

function invalid(what: string): AirgapError {
  return new AirgapError('KEY_INVALID', `the secret key ${what}`);
}
