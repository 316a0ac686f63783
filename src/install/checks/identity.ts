import { CLUSTER_IDENTITY_KEYS } from '../../runai/values/rules.js';
import { crosses, isAtLeast } from '../../runai/version.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'cluster.identity', title: 'identity of the cluster' };

export interface IdentityFacts {
  /** Keys of the cluster’s values that are empty. */
  readonly missing: readonly string[];
  /** A control plane runs, which hands them out. */
  readonly isThere: boolean;
}

/** A chart that gets none of them is installed all the same, and its cluster never connects. */
export const identityCheck: Check = {
  row: ROW,
  // A later one carries them over.
  applies: ({ made }) => {
    const { site, target } = made.facts;
    if (target.cluster === undefined) return false;
    return site.cluster === undefined
      ? isAtLeast(target.cluster, 2, 15)
      : crosses(site.cluster, target.cluster, 2, 15);
  },
  run: async ({ made }) => [judgeIdentity(readIdentity(made))],
};

function readIdentity({ facts, releases }: CheckContext['made']): IdentityFacts {
  const effective = releases.find(({ chart }) => chart.role === 'cluster')?.effective;
  return {
    missing: CLUSTER_IDENTITY_KEYS.filter((key) => !valueAt(effective, key.split('.'))),
    isThere: facts.site.backend !== undefined,
  };
}

export function judgeIdentity({ missing, isThere }: IdentityFacts): Finding {
  if (missing.length === 0) return { ...ROW, outcome: 'pass', seen: 'the values say who the cluster is' };
  const seen = `empty: ${missing.join(', ')}`;
  const flags = missing.map((key) => `--cluster-set ${key}=…`).join(' ');
  if (!isThere) {
    const advice = `the control plane hands them out once it runs (New Cluster): then run the same command again with ${flags}`;
    return { ...ROW, outcome: 'warn', seen, advice };
  }
  return {
    ...ROW,
    outcome: 'fail',
    seen,
    expected: 'what a cluster of 2.15 or later cannot do without',
    advice: `take them from the control plane (Clusters) and give them with ${flags}, or in --cluster-values FILE`,
  };
}
