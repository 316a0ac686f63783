import { createHash } from 'node:crypto';
import type { Facts } from '../runai/site.js';
import { checkUpgradePath, type PathFinding } from '../runai/upgrade-path.js';
import type { Finding, Row } from './findings.js';
import type { PlannedRelease } from './plan.js';

export interface PathOptions {
  readonly acknowledged: readonly string[];
  /** The bundle says itself which Kubernetes it needs (`requires`). */
  readonly requires: boolean;
}

/** What is special about the way from what runs to what comes. */
export function judgePath(facts: Facts, { acknowledged, requires }: PathOptions): Finding[] {
  return checkUpgradePath(facts)
    .filter(({ id }) => !(requires && id === 'window-unknown'))
    .map((finding) => pathFinding(finding, acknowledged));
}

/** Settings of the operator's that the new chart has no place for: accepted by name, or the run does not begin. */
export function judgeCarried({ chart, carried }: PlannedRelease, acknowledged: readonly string[]): Finding[] {
  const { lost, translated } = carried;
  const row: Row = { id: `values.${chart.release}`, title: `own settings of ${chart.release}` };
  if (lost.length === 0) {
    if (translated.length === 0) return [];
    return [{ ...row, outcome: 'pass', seen: `${translated.length} have other keys now` }];
  }
  const id = acknowledgement(chart.release, lost);
  const seen = lost.map(({ key, why }) => `${key}: ${why}`).join('; ');
  if (acknowledged.includes(id)) return [{ ...row, outcome: 'warn', seen, advice: 'accepted as lost' }];
  return [
    {
      ...row,
      outcome: 'fail',
      seen,
      expected: 'a place in the new chart for each of them',
      advice: `carry them over by hand (--backend-values, --cluster-values), then accept with --acknowledge=${id}`,
      code: 'DECISION_NEEDED',
    },
  ];
}

/** Bound to the very list that was read: another list asks again. */
function acknowledgement(release: string, lost: PlannedRelease['carried']['lost']): string {
  const text = lost.map(({ key }) => key).join('\n');
  return `values.${release}@${createHash('sha256').update(text).digest('hex').slice(0, 8)}`;
}

function pathFinding(finding: PathFinding, acknowledged: readonly string[]): Finding {
  const { id, what, expected, found, todo, level } = finding;
  const row: Row & Pick<Finding, 'seen' | 'expected'> = {
    id: `upgrade.${id}`,
    title: 'upgrade path',
    seen: found === undefined ? what : `${what}: ${found}`,
    ...(expected === undefined ? {} : { expected }),
  };
  if (level === 'refuse') return { ...row, outcome: 'fail', advice: todo, code: 'DECISION_NEEDED' };
  if (level === 'warn' || acknowledged.includes(id)) return { ...row, outcome: 'warn', advice: todo };
  return { ...row, outcome: 'fail', advice: `${todo}: --acknowledge=${id}`, code: 'DECISION_NEEDED' };
}
