import {
  createCipheriv,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hkdfSync,
  scrypt,
} from 'node:crypto';

/** Bytes of a Poly1305 tag. */
export const TAG = 16;

/** DER around the 32 raw bytes of an X25519 key (RFC 8410), the only forms in which Node takes them. */
const PRIVATE_DER = Buffer.from('302e020100300506032b656e04220420', 'hex');
const PUBLIC_DER = Buffer.from('302a300506032b656e032100', 'hex');

/** The public key (32 bytes) of an X25519 secret (32 bytes). */
export function publicOf(secret: Buffer): Buffer {
  const jwk = createPublicKey(privateKey(secret)).export({ format: 'jwk' });
  return Buffer.from(jwk.x as string, 'base64url');
}

/** X25519; undefined when the other side is a point of small order, whose result is known to everybody. */
export function sharedSecret(secret: Buffer, other: Buffer): Buffer | undefined {
  try {
    const publicKey = createPublicKey({
      key: Buffer.concat([PUBLIC_DER, other]),
      format: 'der',
      type: 'spki',
    });
    const shared = diffieHellman({ privateKey: privateKey(secret), publicKey });
    return shared.every((byte) => byte === 0) ? undefined : shared;
  } catch {
    return undefined;
  }
}

/** HKDF-SHA256 to 32 bytes. */
export function deriveKey(secret: Buffer, salt: Buffer, info: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, salt, info, 32));
}

/** scrypt with r = 8, p = 1; takes 1 KiB x 2^logN of memory. */
export function stretch(passphrase: string, salt: Buffer, logN: number): Promise<Buffer> {
  const N = 2 ** logN;
  return new Promise((resolve, reject) => {
    scrypt(passphrase, salt, 32, { N, r: 8, p: 1, maxmem: 128 * 8 * (N + 64) }, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

/** ChaCha20-Poly1305: ciphertext, then tag. */
export function seal(key: Buffer, nonce: Buffer, plaintext: Buffer): [Buffer, Buffer] {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG });
  const body = cipher.update(plaintext);
  cipher.final();
  return [body, cipher.getAuthTag()];
}

/** Undoes `seal`; undefined when key, nonce or bytes are not the right ones. */
export function unseal(key: Buffer, nonce: Buffer, sealed: Buffer): Buffer | undefined {
  if (sealed.length < TAG) return undefined;
  const end = sealed.length - TAG;
  const decipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: TAG });
  decipher.setAuthTag(sealed.subarray(end));
  const plaintext = decipher.update(sealed.subarray(0, end));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}

function privateKey(secret: Buffer) {
  return createPrivateKey({ key: Buffer.concat([PRIVATE_DER, secret]), format: 'der', type: 'pkcs8' });
}
