import { createHash } from 'node:crypto';
import type { Plan } from '../run/types.js';
import { CLAIM_SETTINGS, CLAIMS } from '../runai/names.js';
import type { Facts } from '../runai/site.js';
import { movesVolumes } from '../runai/steps/paths.js';
import { checkUpgradePath, type PathFinding } from '../runai/upgrade-path.js';
import type { Finding, Row } from './findings.js';
import type { PlannedRelease } from './plan.js';
import { valueAt } from './values.js';

const CLAIM_KINDS = ['postgresql', 'thanos'] as const;

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
  const id = acknowledgement(
    `values.${chart.release}`,
    lost.map(({ key }) => key),
  );
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

/**
 * The claims that the values name: one that is not there is waited for for ever, and one that the operator names
 * instead of the product's own leaves that one's data behind.
 */
export function judgeClaims(planned: PlannedRelease, facts: Facts): Finding[] {
  const { chart, values } = planned;
  if (chart.role !== 'control-plane') return [];
  const { claims } = facts.site;
  const row: Row = { id: `values.${chart.release}`, title: `claims of ${chart.release}` };
  return CLAIM_KINDS.flatMap((kind): Finding[] => {
    const key = CLAIM_SETTINGS[kind];
    const name = valueAt(values, key.split('.'));
    if (typeof name !== 'string' || name === '') return [];
    const seen = `${key} is ${name}`;
    if (!claims.includes(name)) {
      const advice = 'name a claim that is there, or none: then the release makes a new, empty volume';
      const expected = claims.length === 0 ? 'none: no claim is there' : `one of ${claims.join(', ')}`;
      return [{ ...row, outcome: 'fail', seen: `${seen}, and there is no such claim`, expected, advice }];
    }
    const own = CLAIMS[kind];
    if (!movesVolumes(facts) || name === own || !claims.includes(own)) return [];
    const advice = `go on only when ${name} holds the data; ${own} stays where it is, unused`;
    return [{ ...row, outcome: 'warn', seen: `${seen}, by your own setting, and not ${own}`, advice }];
  });
}

/** What the plan deletes although nothing says whose it is: accepted by name, or the run does not begin. */
export function judgeUnmarked(plan: Plan, acknowledged: readonly string[]): Finding[] {
  const names = plan.steps.flatMap(({ deletes = [] }) => deletes);
  if (names.length === 0) return [];
  const row: Row & Pick<Finding, 'seen'> = {
    id: 'upgrade.leftovers',
    title: 'what goes with the old cluster',
    seen: `nothing says whose these are, and the vendor’s text deletes them: ${names.join(', ')}`,
  };
  const id = acknowledgement('leftovers', names);
  if (acknowledged.includes(id)) return [{ ...row, outcome: 'warn', advice: 'accepted as deleted' }];
  return [
    {
      ...row,
      outcome: 'fail',
      expected: 'a mark of whose they are on each of them',
      advice: `label what has to stay with app.kubernetes.io/managed-by=YOUR-TEAM; the rest is accepted with --acknowledge=${id}`,
      code: 'DECISION_NEEDED',
    },
  ];
}

/** Bound to the very list that was read: another list asks again. */
function acknowledgement(what: string, list: readonly string[]): string {
  return `${what}@${createHash('sha256').update(list.join('\n')).digest('hex').slice(0, 8)}`;
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
