import type { Release } from '../../../src/helm/release.js';
import type { RollbackObservation, TouchedRelease } from '../../../src/install/rollback/observe.js';
import type { Origin } from '../../../src/install/rollback/origin.js';
import type { PlanStep } from '../../../src/run/types.js';
import type { Action } from '../../../src/runai/steps/types.js';
import { emptySite, revision } from '../support/observation.js';

const BACKEND = { release: 'runai-backend', namespace: 'runai-backend' };
export const CLUSTER = { release: 'runai-cluster', namespace: 'runai' };

/** One revision of a release with a chart of a version. */
export function revisionOf(
  release: 'runai-backend' | 'runai-cluster',
  version: string,
  more: Partial<Release> = {},
): Release {
  const name = release === 'runai-cluster' ? release : 'control-plane';
  return revision({
    ...{ name: release, chart: { name, version, appVersion: version }, manifest: `# ${version}` },
    ...more,
  });
}

/** A release that went from 2.9.25 to 2.13.66. */
export function touched(
  role: 'control-plane' | 'cluster',
  more: Partial<TouchedRelease> = {},
): TouchedRelease {
  const where = role === 'cluster' ? CLUSTER : BACKEND;
  const name = where.release as 'runai-backend' | 'runai-cluster';
  const before = revisionOf(name, '2.9.25', { status: 'superseded' });
  const now = revisionOf(name, '2.13.66', { revision: 2 });
  return {
    ...{ role, ...where, before, upgraded: true, recordGone: false },
    live: { ...where, revisions: [before, now] },
    ...{ missing: [], fixed: [], dryRun: [] },
    ...more,
  };
}

export function siteOf(more: Partial<RollbackObservation> = {}): RollbackObservation {
  const releases = [touched('cluster'), touched('control-plane')];
  return { cluster: emptySite().cluster, releases, crds: { back: [], stay: [], added: [] }, ...more };
}

/** Actions of an upgrade from 2.9 to 2.13, in order. */
export const UPGRADE: readonly Action[] = [
  { kind: 'save-site' },
  { kind: 'push' },
  { kind: 'retain-volumes', namespace: 'runai-backend', claims: ['pvc-postgresql'] },
  {
    kind: 'delete-objects',
    objects: [
      { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', namespace: 'runai-backend', name: 'way-in' },
    ],
  },
  { kind: 'helm', role: 'control-plane', ...BACKEND, settings: {} },
  { kind: 'check-claims', namespace: 'runai-backend', claims: ['pvc-postgresql'] },
  {
    kind: 'restore-ingress',
    ingress: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      namespace: 'runai-backend',
      name: 'way-in',
    },
  },
  { kind: 'crds' },
  { kind: 'helm', role: 'cluster', ...CLUSTER, settings: {} },
];

/** A run that executed these actions; all of them unless `untouched` names some by kind. */
export function originOf(
  actions: readonly Action[] = UPGRADE,
  { untouched = [], open = false }: { readonly untouched?: readonly string[]; readonly open?: boolean } = {},
): Origin {
  const steps = actions.map(
    (action, index): PlanStep => ({
      id: `${action.kind}:${index}`,
      title: `do ${action.kind}`,
      command: `kubectl ${action.kind}`,
      destructive: false,
      saves: [],
      doneWhen: 'it is done',
      input: { action },
    }),
  );
  const ids = steps.filter(({ id }) => !untouched.includes(id.split(':')[0] ?? '')).map(({ id }) => id);
  return {
    identity: {
      ...{ schema: 1, runId: 'run-up', kind: 'install', title: 'runai 2.13.66 on site' },
      ...{ bundleId: 'b'.repeat(64), planSha: '', clusterUid: emptySite().cluster.uid },
      ...{ toolVersion: '0.1.0', inputs: {}, createdAt: '2026-11-21T10:00:00.000Z' },
    },
    plan: { kind: 'install', title: 't', bundleId: 'b', clusterUid: 'c', steps },
    touched: new Set(ids),
    finished: !open,
    open,
    saved: { get: async () => undefined },
  };
}
