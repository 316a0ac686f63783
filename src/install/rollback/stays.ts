import { isDecoded, type Release } from '../../helm/release.js';
import type { PlanStep } from '../../run/types.js';
import type { Action } from '../../runai/steps/types.js';
import { valueAt } from '../values.js';
import { objectsOf } from './content.js';
import { claimNames } from './immutable.js';
import type { TouchedRelease } from './observe.js';
import { kindOf } from './origin.js';
import { helmBegan, type RollbackRequest } from './plan-types.js';

/** What is not undone, with the reason. */
export function staysOf({ origin, site, controlPlane }: RollbackRequest): string[] {
  const did = (kind: string): PlanStep[] =>
    origin.plan.steps.filter((step) => origin.touched.has(step.id) && kindOf(step) === kind);
  const claims = did('retain-volumes').flatMap((step) => {
    const { action } = step.input as { action: Action };
    return action.kind === 'retain-volumes' ? action.claims : [];
  });
  const brought = site.releases
    .filter(({ role }) => role === 'cluster' || controlPlane === 'roll-back')
    .flatMap(broughtClaims);
  return [
    ...(did('push').length > 0
      ? [
          'the images of the newer version stay in the registry; they do no harm and are there for the next try',
        ]
      : []),
    ...(controlPlane === 'keep'
      ? ['the control plane stays at the newer version, which may be newer than the cluster part']
      : []),
    ...site.releases
      .filter(
        (release) =>
          release.role === 'control-plane' &&
          release.before &&
          helmBegan(release) &&
          controlPlane === 'roll-back',
      )
      .map(
        () =>
          'what the newer control plane changed in its database stays: a rollback does not touch data (airgap restore does)',
      ),
    ...(claims.length > 0
      ? [
          `the volumes behind ${claims.join(' and ')} stay with reclaim policy Retain${did('keep-claims').length > 0 ? ', and Helm keeps the claims' : ''}: safer so; what they were is saved as volumes/before.json`,
        ]
      : []),
    ...(brought.length > 0
      ? [`claims that stateful sets of the newer version made stay, with their data: ${brought.join(', ')}`]
      : []),
    ...site.crds.stay.map(({ name, why }) => `definition ${name} stays as it is now: ${why}`),
    ...(site.crds.unknown
      ? [
          'definitions stay as they are now: what they were was saved neither here nor in the cluster; the host that began the run may have it',
        ]
      : []),
    ...(site.crds.added.length > 0
      ? [
          `definitions that the run brought stay, for with one goes every object of it: ${site.crds.added.join(', ')}`,
        ]
      : []),
    ...site.releases
      .filter(({ before, upgraded }) => before === undefined && upgraded)
      .map(
        ({ release, namespace }) =>
          `release ${release} was installed anew by that run and has nothing before it; it stays (helm uninstall ${release} -n ${namespace} takes it away)`,
      ),
    ...(did('create-namespaces').length > 0 ? ['namespaces that were made stay'] : []),
    ...(did('tls-from-values').length > 0 ? ['the TLS secret that was made from the values stays'] : []),
    ...(did('pull-secret').length > 0 ? ['the pull secret that was made stays'] : []),
  ];
}

/** Claims by the templates of stateful sets that only the newer revision has; helm deletes none of them. */
function broughtClaims({ before, live, successor = live }: TouchedRelease): string[] {
  const last = successor.revisions.at(-1);
  if (before === undefined || last === undefined || !isDecoded(last)) return [];
  const old = new Set(claimsOf(before));
  return claimsOf(last).filter((name) => !old.has(name));
}

function claimsOf(release: Release): string[] {
  const sets = objectsOf(release).filter(({ kind }) => kind === 'StatefulSet');
  return sets.flatMap((set) => {
    const replicas = Number(valueAt(set, ['spec', 'replicas']) ?? 1);
    return claimNames(set).flatMap((template) =>
      Array.from({ length: replicas }, (_one, index) => `${template}-${set.metadata.name}-${index}`),
    );
  });
}
