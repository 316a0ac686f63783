import { openshiftHost } from '../runai/platform.js';
import type { PlannedRelease } from './plan.js';
import type { Observation } from './site.js';
import { valueAt } from './values.js';

const KEYS = [
  ['global', 'domain'],
  ['deployment', 'domain'],
];

/** The host name that the control plane will have by its values; undefined when nothing names one. Pure. */
export function plannedDomain(
  releases: readonly Pick<PlannedRelease, 'chart' | 'values'>[],
  { product: { openshiftDomain } }: Pick<Observation, 'product'>,
): string | undefined {
  if (openshiftDomain !== undefined) return openshiftHost(openshiftDomain);
  for (const { chart, values } of releases) {
    if (chart.role !== 'control-plane') continue;
    for (const path of KEYS) {
      const found = valueAt(values, path);
      if (typeof found === 'string' && found !== '') return found;
    }
  }
  const url = releases
    .map(({ values }) => valueAt(values, ['controlPlane', 'url']))
    .find((value) => typeof value === 'string') as string | undefined;
  return url?.replace(/^[a-z]+:\/\//, '').replace(/[:/].*$/, '');
}
