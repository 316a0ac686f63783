import { createHash } from 'node:crypto';
import { open, readFile, rm } from 'node:fs/promises';
import { basename } from 'node:path';
import * as v from 'valibot';
import { AirgapError } from '../errors.js';
import { isNameShortEnough, writeFileAtomic } from '../io/atomic.js';
import { keptSnapshot } from './snapshot-expire.js';

/** Bytes at either end of the file that the seal is made of. */
const ENDS = 4096;
const LIMIT = 64 * 1024;

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));

const schema = v.strictObject({
  schemaVersion: v.literal(1),
  /** SHA-256 over size, beginning and end of the file: tells another file of the same name without any key. */
  seal: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  verifiedAt: v.pipe(v.string(), v.isoTimestamp()),
  createdAt: v.pipe(v.string(), v.isoTimestamp()),
  clusterUid: v.string(),
  backupId: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  /** What each database held, for the next backup to be compared with. */
  databases: v.exactOptional(v.array(v.strictObject({ name: v.string(), tables: count, rows: count }))),
  /** Snapshots that hold data of it: they go with it. */
  snapshots: v.exactOptional(v.array(keptSnapshot)),
  /** Parts that it can bring back by itself: one with fewer does not replace it. */
  holds: v.exactOptional(v.array(v.string())),
});

/** What stands beside a backup once all of it was found right: FILE.verified.json. Holds no secret. */
export type VerifiedMark = v.InferOutput<typeof schema>;

export const markPath = (backup: string): string => `${backup}.verified.json`;

/**
 * A name that leaves no room for that of the mark would show when the backup is whole only.
 * @throws AirgapError OUTPUT_UNWRITABLE
 */
export async function demandMarkable(backup: string): Promise<void> {
  if (await isNameShortEnough(markPath(backup))) return;
  throw new AirgapError('OUTPUT_UNWRITABLE', `${backup} is too long a name for a backup`, {
    expected: `room for ${basename(markPath(backup))} beside it`,
    found: `a name of ${Buffer.byteLength(basename(backup))} bytes`,
    hint: 'choose a shorter name with -o',
  });
}

/** Says that all of the file was found right. @throws AirgapError DISK_FULL, OUTPUT_UNWRITABLE */
export async function writeMark(
  backup: string,
  facts: Omit<VerifiedMark, 'schemaVersion' | 'seal'>,
): Promise<void> {
  const { verifiedAt, createdAt, clusterUid, backupId, databases, snapshots, holds } = facts;
  const mark: VerifiedMark = {
    schemaVersion: 1,
    seal: await sealOf(backup),
    verifiedAt,
    createdAt,
    clusterUid,
    backupId,
    ...(databases === undefined ? {} : { databases }),
    ...(snapshots === undefined || snapshots.length === 0 ? {} : { snapshots }),
    ...(holds === undefined ? {} : { holds }),
  };
  await writeFileAtomic(markPath(backup), `${JSON.stringify(mark, null, 2)}\n`, { mode: 0o600 });
}

/** The mark of this very file; undefined when there is none, it is damaged, or belongs to another file. */
export async function readMark(backup: string): Promise<VerifiedMark | undefined> {
  const text = await readFile(markPath(backup), 'utf8').catch(() => undefined);
  if (text === undefined || text.length > LIMIT) return undefined;
  const result = v.safeParse(schema, parse(text));
  if (!result.success) return undefined;
  return result.output.seal === (await sealOf(backup).catch(() => undefined)) ? result.output : undefined;
}

/** A backup that is found damaged loses its mark. */
export async function removeMark(backup: string): Promise<void> {
  await rm(markPath(backup), { force: true });
}

async function sealOf(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    const ends = Buffer.alloc(2 * ENDS);
    await file.read(ends, 0, ENDS, 0);
    await file.read(ends, ENDS, ENDS, Math.max(0, size - ENDS));
    return createHash('sha256').update(`${size}\n`).update(ends).digest('hex');
  } finally {
    await file.close();
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
