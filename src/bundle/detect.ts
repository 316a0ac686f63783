import { basename } from 'node:path';
import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import { NAMES } from './manifest.js';
import type { ByteSource } from './source.js';
import { BLOCK, decodeHeader, encodeHeader, paddingOf } from './tar.js';

/** Headers of a foreign tar that are looked at to say what it is. */
const HEADERS_READ = 2000;
/** Bytes of a header that damage may touch for it to be recognised still. */
const DAMAGE = 4;

interface Magic {
  readonly name: string;
  readonly bytes: string;
  readonly undo: string;
}

const COMPRESSED: readonly Magic[] = [
  { name: 'gzip', bytes: '1f8b', undo: 'gunzip -c FILE > OUT' },
  { name: 'zstd', bytes: '28b52ffd', undo: 'zstd -d FILE -o OUT' },
  { name: 'xz', bytes: 'fd377a585a00', undo: 'xz -dc FILE > OUT' },
  { name: 'bzip2', bytes: '425a68', undo: 'bunzip2 -c FILE > OUT' },
  { name: 'lz4', bytes: '04224d18', undo: 'lz4 -d FILE OUT' },
  { name: 'zip', bytes: '504b0304', undo: 'unzip FILE' },
  { name: '7z', bytes: '377abcaf271c', undo: '7z x FILE' },
];

/** True when the first block is the header of a bundle, whole or with a few bytes damaged. */
export function looksLikeBundle(head: Buffer): boolean {
  const name = `${NAMES.manifest}\0`;
  if (head.toString('latin1', 0, name.length) === name) return true;
  if (head.length < BLOCK) return false;
  const model = encodeHeader({ path: NAMES.manifest, size: 0 });
  let different = 0;
  for (let i = 0; i < BLOCK; i++) {
    const variable = (i >= 124 && i < 136) || (i >= 148 && i < 156);
    if (!variable && head[i] !== model[i]) different++;
  }
  return different <= DAMAGE;
}

/** True when the start of a file could be the start of a bundle that was cut within its first block. */
export function looksLikeCutBundle(head: Buffer): boolean {
  const model = encodeHeader({ path: NAMES.manifest, size: 0 });
  return head.length < BLOCK && head.subarray(0, 124).equals(model.subarray(0, Math.min(124, head.length)));
}

/** Says what a file that is no bundle is, and what undoes it (threats 4 and 5). */
export async function explainForeign(source: ByteSource, head: Buffer): Promise<AirgapError> {
  const { path } = source;
  const magic = COMPRESSED.find(({ bytes }) => head.toString('hex').startsWith(bytes));
  if (magic) {
    const plain = basename(path).replace(/\.(gz|tgz|zst|xz|bz2|lz4|zip|7z)$/i, '');
    const out = plain === basename(path) ? `${plain}.plain` : plain;
    const undo = magic.undo.replace('FILE', basename(path)).replace('OUT', out);
    return new AirgapError('BUNDLE_COMPRESSED', `${path} is compressed with ${magic.name}`, {
      expected: 'the plain tar that pack wrote',
      found: `${magic.name} magic ${magic.bytes}`,
      hint: undo,
    });
  }
  if (head.every((byte) => byte === 0)) {
    return new AirgapError('BUNDLE_CORRUPT', `${path} begins with zeros`, {
      expected: `the header of ${NAMES.manifest}`,
      found: 'a block of zeros: the copy was never written',
    });
  }
  return notABundle(path, await explainTar(source));
}

interface Explanation {
  readonly found: string;
  readonly hint?: string;
}

/** Hops over the headers of a tar; sizes are trusted only to find a name for the thing. */
async function explainTar(source: ByteSource): Promise<Explanation> {
  const names = new Set<string>();
  let offset = 0;
  for (let i = 0; i < HEADERS_READ && offset + BLOCK <= source.size; i++) {
    const header = decodeHeader(await source.read(offset, BLOCK));
    if (!header) break;
    names.add(header.path.replace(/^\.\//, ''));
    offset += BLOCK + header.size + paddingOf(header.size);
  }
  if (names.size === 0) return { found: 'no tar at all' };
  if (names.has(NAMES.manifest)) {
    return {
      found: `a tar in which ${NAMES.manifest} is not the first entry: extracted and packed anew`,
      hint: 'use the file that pack wrote; a bundle that was packed anew cannot be verified',
    };
  }
  if (names.has('manifest.json') || names.has('repositories')) {
    return {
      found: 'an archive of docker save',
      hint: 'name it in a spec (images.include, from: docker-archive:FILE) and run airgap pack',
    };
  }
  if (names.has(NAMES.layout)) {
    return {
      found: 'an OCI archive',
      hint: 'name it in a spec (images.include, from: oci-archive:FILE:NAME) and run airgap pack',
    };
  }
  return { found: `a tar whose first entry is ${printable([...names][0] ?? '', 100)}` };
}

function notABundle(path: string, { found, hint }: Explanation): AirgapError {
  return new AirgapError('NOT_A_BUNDLE', `${path} is not an airgap bundle`, {
    expected: `a tar that begins with ${NAMES.manifest}`,
    found,
    ...(hint === undefined ? {} : { hint }),
  });
}
