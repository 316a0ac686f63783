import type { Emit } from '../events.js';
import { writeMark } from './marks.js';
import type { VerifyBackupReport } from './types.js';

interface Marking {
  /** Milliseconds since the epoch: when it was verified. */
  readonly now: number;
  readonly emit: Emit;
}

/**
 * Says beside a backup that all of it was found right just now, and what its databases hold. A backup is no less whole
 * without its mark: what lacks is said, no more.
 */
export async function markVerified(
  path: string,
  report: VerifyBackupReport,
  { now, emit }: Marking,
): Promise<void> {
  const { createdAt, clusterUid, backupId, totals, snapshots, holds } = report;
  const verifiedAt = new Date(now).toISOString();
  const facts = { verifiedAt, createdAt, clusterUid, backupId };
  try {
    await writeMark(path, {
      ...facts,
      databases: [...totals],
      snapshots: [...snapshots],
      holds: [...holds],
    });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `${path} is whole, but not marked so: ${why}; until airgap backup verify marks it, retention does not count on it`;
    emit({ type: 'note', level: 'warn', text });
  }
}
