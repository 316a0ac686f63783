import { compareVersions, parseVersion } from '../../runai/version.js';
import { judgeDryRun } from '../checks/dry-run.js';
import type { Finding } from '../findings.js';
import { current } from '../observe-product.js';
import { chartText } from './content.js';
import type { RollbackObservation, TouchedRelease } from './observe.js';
import type { Origin } from './origin.js';
import { goesBack, helmBegan, targetOf } from './plan-types.js';
import { decideRollback, type RollbackDecision } from './state.js';
import type { RollbackOptions } from './types.js';

/** Row of a rollback's checks; some are followed by the release's name. */
export type RollbackFinding = Finding<`rollback.${string}`>;

type Choices = Pick<RollbackOptions, 'migration' | 'controlPlane'>;

/** Judges what was read, before anything is changed. Pure. */
export function judgeRollback(
  origin: Origin,
  site: RollbackObservation,
  choices: Choices,
): RollbackFinding[] {
  const releases = site.releases.filter(
    ({ role }) => role === 'cluster' || choices.controlPlane === 'roll-back',
  );
  const goes = releases.filter(goesBack);
  return [
    runFinding(origin),
    ...(goes.some((release) => release.role === 'control-plane' && helmBegan(release))
      ? [database(choices)]
      : []),
    ...skew(releases),
    ...goes.map((release) => state(release, origin)),
    ...goes.flatMap(owner),
    ...goes.map((release) =>
      judgeDryRun(
        { id: `rollback.dry-run.${release.release}`, title: `dry run of the old ${release.release}` },
        release.dryRun,
      ),
    ),
    ...crds(site),
  ];
}

function runFinding({ identity, finished }: Origin): RollbackFinding {
  const { runId, title, createdAt } = identity;
  const row = { id: 'rollback.run' as const, title: 'run to take back' };
  const seen = `${runId}: ${title}, begun ${createdAt}`;
  if (finished) return { ...row, outcome: 'pass', seen };
  return {
    ...row,
    outcome: 'warn',
    seen: `${seen}; it did not finish`,
    advice: 'it is given up when the rollback begins; to go on with it instead, run its command again',
  };
}

function database({ migration }: Choices): RollbackFinding {
  const row = { id: 'rollback.database' as const, title: 'database' };
  const seen =
    'the newer control plane has run, and may have changed the schema of its database; the old one meets what it left';
  if (migration === 'accept')
    return {
      ...row,
      outcome: 'warn',
      seen: `${seen}; accepted`,
      advice: 'look at logins and projects afterwards',
    };
  return {
    ...row,
    outcome: 'fail',
    code: 'DECISION_NEEDED',
    seen,
    expected: 'a decision of yours',
    advice:
      'restore a verified backup of before the upgrade (airgap restore BACKUP --bundle OLD-BUNDLE --replace), ' +
      'or leave the control plane as it is (--keep-control-plane), or accept it (--accept-database-migration)',
  };
}

function state(release: TouchedRelease, origin: Origin): RollbackFinding {
  const { before, live, recordGone } = release;
  const row = { id: `rollback.release.${release.release}` as const, title: `release ${release.release}` };
  const to = `goes back to revision ${before?.revision}, ${before ? chartText(before) : ''}`;
  if (recordGone) return { ...row, outcome: 'pass', seen: `was uninstalled; its saved record ${to}` };
  const decision = decideRollback(targetOf(release), {
    revisions: live.revisions,
    origin: origin.identity.runId,
    helmGone: true,
  });
  return { ...row, ...judged(decision, to) };
}

function judged(
  decision: RollbackDecision,
  to: string,
): Pick<Finding<string>, 'outcome' | 'seen' | 'advice' | 'code'> {
  switch (decision.do) {
    case 'locked':
      return {
        outcome: 'fail',
        code: 'LOCKED',
        seen: `${decision.why}, since ${decision.since}`,
        advice: 'find out who is at work on it, and wait',
      };
    case 'ask':
      return {
        outcome: 'fail',
        code: 'DECISION_NEEDED',
        seen: decision.why,
        advice: 'look at helm history; what somebody did by hand must be settled by hand',
      };
    case 'keep':
      return {
        outcome: 'pass',
        seen: `revision ${decision.revision} has the old content; objects are missing`,
      };
    default:
      return { outcome: 'pass', seen: `revision ${decision.revision} (${decision.status}) ${to}` };
  }
}

/** The control plane must never be the older one: a cluster part that cannot go back with it stops both. */
function skew(releases: readonly TouchedRelease[]): RollbackFinding[] {
  const backend = releases.find((release) => release.role === 'control-plane' && goesBack(release))?.before;
  const cluster = releases.find(({ role }) => role === 'cluster');
  const stays = cluster && !goesBack(cluster) ? current(cluster.live) : undefined;
  const [old, kept] = [backend, stays].map((release) => parseVersion(release?.chart.version ?? ''));
  if (!old || !kept || compareVersions(kept, old) <= 0) return [];
  return [
    {
      id: 'rollback.skew',
      title: 'versions afterwards',
      outcome: 'fail',
      code: 'DECISION_NEEDED',
      seen: `the cluster part would stay at ${kept.text}, newer than the control plane ${old.text}`,
      expected: 'a control plane that is not the older one',
      advice:
        'restore a backup of before the upgrade (airgap restore), or leave the control plane as it is (--keep-control-plane)',
    },
  ];
}

function owner({ release, live, successor }: TouchedRelease): RollbackFinding[] {
  const found = live.owner ?? successor?.owner;
  if (found === undefined) return [];
  return [
    {
      id: `rollback.owner.${release}`,
      title: `owner of ${release}`,
      outcome: 'fail',
      code: 'DECISION_NEEDED',
      seen: `${found} manages it and would bring the newer version back`,
      advice: `stop ${found} for this release, or roll back there`,
    },
  ];
}

function crds({ crds: { back, stay } }: RollbackObservation): RollbackFinding[] {
  if (back.length === 0 && stay.length === 0) return [];
  const row = { id: 'rollback.crds' as const, title: 'custom resource definitions' };
  const seen = `${back.length} go back, ${stay.length} stay`;
  if (stay.length === 0) return [{ ...row, outcome: 'pass', seen }];
  const names = stay.map(({ name, why }) => `${name} (${why})`);
  return [
    {
      ...row,
      outcome: 'warn',
      seen: `${seen}: ${names.join('; ')}`,
      advice: 'the newer definitions serve the old versions too; nothing has to be done',
    },
  ];
}
