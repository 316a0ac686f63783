import { createHash, type Hash } from 'node:crypto';
import { BLOCK, paddingOf } from '../bundle/tar.js';
import { AirgapError, type Fault, isAirgapError } from '../errors.js';
import { type ArchiveEntry, entryHeader } from './archive/entries.js';
import { type OpenBackup, type OpenBackupOptions, openBackup } from './archive/open.js';
import { createDumpWalk, type DumpWalk } from './dump-walk.js';
import { heldParts } from './held-parts.js';
import { snapshotsOf } from './snapshot-expire.js';
import { checkStructure, customDumps, type StructureOptions } from './structure.js';
import { allTotals } from './totals.js';
import type { VerifyBackupReport } from './types.js';

export interface VerifyBackupOptions extends StructureOptions {
  /** Bytes of the tar that were checked, of so many. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Bytes read at once. */
const PIECE = 1024 * 1024;
const FAULTS_SHOWN = 100;

/**
 * Checks a backup without a cluster: every header against the one that the manifest leads to, every byte of content
 * against the running hash of its part, all padding; then the dumps as a restore would read them.
 */
export async function verifyBackup(
  backup: OpenBackup,
  options: VerifyBackupOptions,
): Promise<VerifyBackupReport> {
  const walks = new Map(customDumps(backup).map(({ part }) => [part, createDumpWalk()]));
  const content = await checkContent(backup, walks, options);
  const walked = new Map([...walks].map(([part, walk]) => [part, walk.end()]));
  const structure = content.length > 0 ? [] : await checkStructure(backup, walked, options);
  const damaged = structure.filter(({ state }) => state === 'damaged');
  const faults = [...content, ...damaged.map(({ part, detail }) => ({ where: part, what: detail }))];
  const { manifest, layout } = backup;
  return {
    ok: faults.length === 0,
    path: backup.path,
    size: backup.size,
    encryption: backup.encryption,
    backupId: backup.backupId,
    createdAt: manifest.createdAt,
    clusterUid: manifest.clusterUid,
    parts: manifest.parts.length,
    entries: layout.entries.length,
    structure,
    totals: allTotals(manifest),
    snapshots: snapshotsOf(manifest),
    holds: heldParts(manifest),
    faults,
  };
}

/** Opens, verifies and closes. @throws AirgapError what openBackup throws */
export async function verifyBackupFile(
  path: string,
  options: VerifyBackupOptions & OpenBackupOptions,
): Promise<VerifyBackupReport> {
  const backup = await openBackup(path, options);
  try {
    return await verifyBackup(backup, options);
  } finally {
    await backup.close();
  }
}

/** @throws AirgapError BACKUP_INVALID with all faults unless the report is good */
export function requireBackupOk({ ok, path, faults }: VerifyBackupReport): void {
  if (ok) return;
  const places = faults.length === 1 ? 'one place' : `${faults.length} places`;
  throw new AirgapError('BACKUP_INVALID', `${path} is damaged at ${places}`, {
    faults: faults.slice(0, FAULTS_SHOWN),
  });
}

/** Each byte is read once: dumps are looked into on the way. */
async function checkContent(
  backup: OpenBackup,
  walks: ReadonlyMap<string, DumpWalk>,
  options: VerifyBackupOptions,
): Promise<Fault[]> {
  const faults: Fault[] = [];
  const total = backup.tar.size;
  const onDone = (done: number): void => options.onProgress?.(done, total);
  let at = 0;
  for (const part of backup.manifest.parts) {
    const next = at + (part.chunks?.length ?? 1);
    const entries = backup.layout.entries.slice(at, next);
    at = next;
    const walk = walks.get(part.path);
    const watch = { onDone, signal: options.signal, ...(walk ? { walk } : {}) };
    faults.push(...(await checkPart({ backup, entries }, watch)));
    if (faults.length >= FAULTS_SHOWN) break;
  }
  onDone(total);
  return faults;
}

interface CheckedPart {
  readonly backup: OpenBackup;
  readonly entries: readonly ArchiveEntry[];
}

interface Watch {
  /** Hears up to which byte of the tar all was looked at. */
  readonly onDone: (offset: number) => void;
  readonly signal: AbortSignal | undefined;
  /** Reads the part as a dump. */
  readonly walk?: DumpWalk;
}

/**
 * One hash runs over all entries of a part. Once it differs nothing can be said of the contents that follow, yet their
 * headers and padding are still looked at.
 */
async function checkPart({ backup, entries }: CheckedPart, watch: Watch): Promise<Fault[]> {
  const faults: Fault[] = [];
  let hash: Hash | undefined = createHash('sha256');
  for (const entry of entries) {
    watch.signal?.throwIfAborted();
    try {
      const found: EntryFaults = await checkEntry({ backup, entry, hash }, watch);
      faults.push(...found.faults);
      if (found.isContentWrong) hash = undefined;
    } catch (error) {
      faults.push(readFault(entry, error));
      hash = undefined;
    }
    if (faults.length >= FAULTS_SHOWN) break;
  }
  return faults;
}

interface CheckedEntry {
  readonly backup: OpenBackup;
  readonly entry: ArchiveEntry;
  /** Over the part so far; absent after damage. */
  readonly hash: Hash | undefined;
}

interface EntryFaults {
  readonly faults: readonly Fault[];
  readonly isContentWrong: boolean;
}

async function checkEntry({ backup, entry, hash }: CheckedEntry, watch: Watch): Promise<EntryFaults> {
  const { tar } = backup;
  const faults: Fault[] = [];
  const fault = (what: string, offset: number, more: Partial<Fault> = {}): unknown =>
    faults.push({ where: entry.path, what, offset, ...more });
  const header = await tar.read(entry.offset - BLOCK, BLOCK);
  if (!header.equals(entryHeader(entry))) {
    fault('has another header than the one it can have', entry.offset - BLOCK);
  }
  for (let at = 0; at < entry.size; at += PIECE) {
    const piece = await tar.read(entry.offset + at, Math.min(PIECE, entry.size - at));
    hash?.update(piece);
    watch.walk?.push(piece);
    watch.onDone(entry.offset + at + piece.length);
    watch.signal?.throwIfAborted();
  }
  const found = hash?.copy().digest('hex');
  const isContentWrong = found !== undefined && found !== entry.sha256;
  if (isContentWrong) {
    fault('does not match its digest', entry.offset, {
      expected: `sha256:${entry.sha256} up to the end of it`,
      found: `sha256:${found}`,
    });
  }
  const end = entry.offset + entry.size;
  const padding = await tar.read(end, paddingOf(entry.size));
  if (padding.some((byte) => byte !== 0)) fault('is followed by bytes that are not zero', end);
  return { faults, isContentWrong };
}

function readFault(entry: ArchiveEntry, error: unknown): Fault {
  if (!isAirgapError(error)) throw error;
  const { message: what, expected, found } = error;
  return {
    where: entry.path,
    what,
    ...(expected ? { expected } : {}),
    ...(found ? { found } : {}),
    offset: entry.offset,
  };
}
