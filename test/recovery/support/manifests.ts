import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { parseIdentityFile } from '../../../src/recovery/archive/age/keys.js';
import { type OpenBackup, openBackup } from '../../../src/recovery/archive/open.js';
import type { DatabaseFacts } from '../../../src/recovery/archive/types.js';

interface Place {
  readonly file: string;
  readonly key: string;
}

/**
 * What two backups of the same site tell differently, by name. Dumps hold the time that they were made at: what
 * counts are the rows and hashes of their tables. Claims and volumes are other objects after a disaster.
 */
export async function differences(one: Place, two: Place): Promise<string[]> {
  const [first, second] = [await open(one), await open(two)];
  try {
    const names = ['createdAt', 'clusterUid', 'tool', 'product', 'releases', 'skipped', 'meta'] as const;
    const found: string[] = names.filter(
      (name) => !isDeepStrictEqual(first.manifest[name], second.manifest[name]),
    );
    const databases = (backup: OpenBackup): unknown => backup.manifest.databases.map(contentOf);
    if (!isDeepStrictEqual(databases(first), databases(second))) found.push('databases');
    if (!isDeepStrictEqual(first.manifest.volumes, second.manifest.volumes)) found.push('volumes');
    return [...found, ...(await differentParts(first, second))];
  } finally {
    await first.close();
    await second.close();
  }
}

async function open({ file, key }: Place): Promise<OpenBackup> {
  return openBackup(file, { identities: parseIdentityFile(readFileSync(key, 'utf8'), key) });
}

/** The size on disk depends on what was deleted before. */
function contentOf({ meta, ...facts }: DatabaseFacts): unknown {
  const { size: _size, ...rest } = meta ?? {};
  return { ...facts, meta: rest };
}

/** Made anew by time, by helm's revision or by the server. */
const OTHER_BY_NATURE = new Set([
  'database-dump',
  'database-globals',
  'release-secret',
  'claims',
  'volume-definitions',
]);

async function differentParts(first: OpenBackup, second: OpenBackup): Promise<string[]> {
  const [one, two] = [await sumsOf(first), await sumsOf(second)];
  return [...new Set([...one.keys(), ...two.keys()])]
    .filter((path) => one.get(path) !== two.get(path))
    .sort();
}

async function sumsOf(backup: OpenBackup): Promise<Map<string, string>> {
  const sums = new Map<string, string>();
  for (const { path, role, sha256 } of backup.manifest.parts) {
    if (role === 'volume-copy') sums.set(path, await sumOfTar(backup.stream(path)));
    else sums.set(path, OTHER_BY_NATURE.has(role) ? role : sha256);
  }
  return sums;
}

const BLOCK = 512;

/** GNU tar puts its process id into the name of a sparse file's entry: `GNUSparseFile.26`. */
async function sumOfTar(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  let rest = Buffer.alloc(0);
  for await (const piece of stream as AsyncIterable<Buffer>) {
    const all = Buffer.concat([rest, piece]);
    const whole = all.length - (all.length % BLOCK);
    for (let at = 0; at < whole; at += BLOCK) hash.update(masked(all.subarray(at, at + BLOCK)));
    rest = Buffer.from(all.subarray(whole));
  }
  return hash.update(rest).digest('hex');
}

function masked(block: Buffer): Buffer | string {
  if (block.toString('latin1', 257, 262) !== 'ustar' || !block.includes('GNUSparseFile.')) return block;
  const header = block.toString('latin1').replace(/GNUSparseFile\.\d+/, 'GNUSparseFile');
  return header.slice(0, 140) + header.slice(160);
}
