import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import type { Encryption } from '../../../src/recovery/archive/encryption.js';
import type { BackupFacts } from '../../../src/recovery/archive/types.js';
import {
  type BackupWriterOptions,
  createBackupWriter,
  type FinishedBackup,
} from '../../../src/recovery/archive/writer.js';

export const PLAIN: Encryption = { kind: 'plain' };

export const FACTS: BackupFacts = {
  createdAt: '2026-11-21T10:00:00Z',
  tool: '0.1.0',
  clusterUid: '6f0d9f3e-0000-4000-8000-000000000001',
  product: { name: 'runai', controlPlane: '2.13.66', cluster: '2.13.66' },
  releases: [
    { name: 'runai-backend', namespace: 'runai-backend', chart: 'control-plane', version: '2.13.66' },
  ],
  databases: [],
  volumes: [],
  skipped: [{ what: 'Thanos volume', why: 'skipped with --skip metrics' }],
  meta: { domain: 'runai.example.com' },
};

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'airgap-backup-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Bytes that look like noise and are the same in every run. */
export function noise(size: number, seed: string): Buffer {
  const blocks = Array.from({ length: Math.ceil(size / 32) }, (_, i) =>
    createHash('sha256').update(`${seed} ${i}`).digest(),
  );
  return Buffer.concat(blocks).subarray(0, size);
}

export const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** A stream of these bytes in pieces of odd lengths. */
export function pieces(bytes: Buffer, length = 777): Readable {
  return Readable.from(
    (function* () {
      for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
    })(),
    { objectMode: false },
  );
}

export interface SmallBackup {
  readonly finished: FinishedBackup;
  readonly dump: Buffer;
  readonly values: Buffer;
}

/** A complete backup of a few kilobytes: small files, a stream of several chunks, an empty stream. */
export async function writeSmall(
  path: string,
  encryption: Encryption = PLAIN,
  options: Partial<BackupWriterOptions> = {},
  meta: BackupFacts['meta'] = FACTS.meta,
): Promise<SmallBackup> {
  const dump = noise(2500, 'dump');
  const values = Buffer.from('global:\n  domain: runai.example.com\n');
  const writer = await createBackupWriter(path, { encryption, chunkSize: 1000, ...options });
  await writer.addFile('releases/runai-backend.values.yaml', values, { role: 'values' });
  await writer.addStream('database/backend.dump', pieces(dump), {
    role: 'database-dump',
    meta: { database: 'backend' },
  });
  await writer.addStream('volumes/empty.tar', pieces(Buffer.alloc(0)), { role: 'volume' });
  const finished = await writer.finish({
    ...FACTS,
    meta,
    databases: [
      {
        name: 'backend',
        part: 'database/backend.dump',
        format: 'plain',
        tables: [{ schema: 'public', name: 'projects', rows: 12 }],
      },
    ],
  });
  return { finished, dump, values };
}
