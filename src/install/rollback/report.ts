import type { RunReport } from '../../run/report.js';
import type { SavedStore } from '../../run/types.js';
import type { HealthReport } from '../health.js';
import type { Results } from '../steps/types.js';
import type { RollbackView } from './types.js';

/** What the report of a rollback tells beyond its steps. */
export interface RollbackFacts
  extends Pick<RollbackView, 'origin' | 'cluster' | 'helm' | 'findings' | 'holds' | 'stays'> {
  readonly revisions: Readonly<Record<string, number>>;
  readonly health: readonly HealthReport[];
}
export type RollbackReport = RunReport<RollbackFacts>;

const BEGUN = 'report/begun.json';

/** Keeps what was found, when the run begins. */
export async function keepFound(saved: SavedStore, view: RollbackView): Promise<void> {
  if (view.resumes === undefined) await saved.put(BEGUN, JSON.stringify(foundOf(view)));
}

/** All that the report tells; of a run that goes on, what was found when it began. */
export async function rollbackFacts(
  saved: SavedStore,
  view: RollbackView,
  { revisions, health }: Results,
): Promise<RollbackFacts> {
  const content = await saved.get(BEGUN);
  const found = content === undefined ? foundOf(view) : JSON.parse(content.toString('utf8'));
  return { ...found, revisions: Object.fromEntries(revisions), health: [...health.values()] };
}

/** What to do after a rollback. Pure. */
export function afterRollback({ outcome, facts, error, command }: RollbackReport): string[] {
  if (outcome !== 'finished') {
    return [
      error?.hint ?? 'find the cause above',
      `then go on with ${command ?? 'the same command'}; it goes on where it stopped`,
    ];
  }
  const migrated = facts.findings.some(({ id }) => id === 'rollback.database');
  return [
    'log in, and look at clusters and projects',
    ...(migrated
      ? [
          'the old control plane meets a database that the newer one has used: if it complains, restore a backup of before the upgrade (airgap restore)',
        ]
      : []),
    ...facts.stays.map((text) => `know that ${text}`),
    'find out why the newer version did not serve, before the next try',
  ];
}

function foundOf({ origin, cluster, helm, findings, holds, stays }: RollbackView) {
  return { origin, cluster, helm, findings, holds, stays };
}
