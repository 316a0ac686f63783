import type { RunReport } from '../run/report.js';
import type { RestoreView } from './restore-types.js';

/** What the report of a restore tells beyond its steps. */
export type RestoreFacts = Pick<RestoreView, 'backup' | 'cluster' | 'rewrites' | 'leftOut'>;
export type RestoreReport = RunReport<RestoreFacts>;

/** What to do after a restore that came to its end. */
export const AFTER_RESTORE = [
  'log in, and look at clusters and projects',
  'what came between the backup and its loss is not there: ask its owners',
  'upgrade afterwards, when that was the aim: airgap install',
  'take a backup of what runs now: airgap backup create',
] as const;

/** What to do after a restore. Pure. */
export function afterRestore({ outcome, error, command }: RestoreReport): string[] {
  if (outcome !== 'finished') {
    return [
      error?.hint ?? 'find the cause above',
      `then go on with ${command ?? 'the same command'}; it goes on where it stopped`,
    ];
  }
  return [...AFTER_RESTORE];
}
