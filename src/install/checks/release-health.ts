import { waitFor } from '../../kube/wait.js';
import type { Finding } from '../findings.js';
import type { HealthReport } from '../health.js';
import { readHealth } from '../health-watch.js';
import type { PlannedRelease } from '../plan.js';
import type { Check, CheckContext, Row } from './types.js';

/** A restart or a node that has just come back is over by then. */
const SETTLE_MS = 60_000;
const SHOWN = 4;

/**
 * Whether what is to be upgraded is well: an upgrade mends nothing, and afterwards nobody knows what broke it
 * (threats.md, section 3). The operator may know better.
 */
export const releaseHealthCheck: Check = {
  row: { id: 'release.health', title: 'health of what runs' },
  applies: ({ made }) => made.releases.some(isUpgraded),
  run: async (context) => {
    const findings: Finding[] = [];
    for (const { chart } of context.made.releases.filter(isUpgraded)) {
      const row: Row = { id: `release.health.${chart.release}`, title: `health of ${chart.release}` };
      findings.push(judgeReleaseHealth(row, await settled(chart, context)));
    }
    return findings;
  },
};

function isUpgraded({ decision }: PlannedRelease): boolean {
  return decision.do === 'upgrade' && decision.over === 'deployed';
}

async function settled(
  { release, namespace }: PlannedRelease['chart'],
  { client, signal }: CheckContext,
): Promise<HealthReport> {
  const place = { release, namespace };
  let last = await readHealth(client, place, signal);
  await waitFor(
    async () => {
      if (!last.healthy) last = await readHealth(client, place, signal);
      return last.healthy || last.troubles.some(({ final }) => final) ? true : undefined;
    },
    { timeout: SETTLE_MS, every: 2000, signal },
  );
  return last;
}

export function judgeReleaseHealth(row: Row, { healthy, workloads, troubles }: HealthReport): Finding {
  if (healthy) return { ...row, outcome: 'pass', seen: `${workloads} workloads ready` };
  const list = troubles.slice(0, SHOWN).map(({ what, state, reasons }) => {
    const [reason] = reasons;
    return `${what}: ${state}${reason === undefined ? '' : ` (${reason})`}`;
  });
  const more = troubles.length > SHOWN ? `; ${troubles.length - SHOWN} more` : '';
  return {
    ...row,
    outcome: 'fail',
    seen: `${list.join('; ')}${more}`,
    expected: 'a release that is well before it is upgraded',
    advice: `mend it first; to upgrade all the same: --acknowledge=${row.id}`,
    code: 'DECISION_NEEDED',
  };
}
