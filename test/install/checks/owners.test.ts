import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applicationsOf, helmReleasesOf, judgeOwners, marksOf } from '../../../src/install/checks/owners.js';
import { demandNoFailure } from '../../../src/install/findings.js';
import { object } from './support.js';

const RELEASES = [{ release: 'runai-backend', namespace: 'runai-backend', chart: 'control-plane' }];
const application = (name: string, namespace: string, source: object) =>
  object('Application', name, { spec: { destination: { namespace }, source } });

test('an application of Argo CD by chart, release name or its own name, in our namespace only', () => {
  const found = applicationsOf(
    [
      application('a', 'runai-backend', { chart: 'control-plane' }),
      application('b', 'runai-backend', { helm: { releaseName: 'runai-backend' } }),
      application('runai-backend', 'runai-backend', {}),
      application('c', 'elsewhere', { chart: 'control-plane' }),
      application('d', 'runai-backend', { chart: 'dashboards' }),
    ],
    RELEASES,
  );
  assert.deepEqual(
    found.map(({ by }) => by),
    ['application a', 'application b', 'application runai-backend'],
  );
});

test('a HelmRelease of Flux by its release name, or by the name that Flux makes', () => {
  const flux = (name: string, spec: object) =>
    object('HelmRelease', name, { metadata: { namespace: 'flux-system' }, spec });
  const found = helmReleasesOf(
    [
      flux('cp', { targetNamespace: 'runai-backend', releaseName: 'runai-backend' }),
      flux('backend', { targetNamespace: 'runai-backend' }),
      flux('runai-backend', { targetNamespace: 'runai-backend' }),
    ],
    RELEASES,
  );
  assert.deepEqual(
    found.map(({ by }) => by),
    ['HelmRelease flux-system/cp', 'HelmRelease flux-system/runai-backend'],
  );
});

test('marks on live objects', () => {
  const marked = marksOf([
    object('Service', 'a', { metadata: { labels: { 'argocd.argoproj.io/instance': 'x' } } }),
    object('Service', 'b', { metadata: { annotations: { 'argocd.argoproj.io/tracking-id': 'x' } } }),
    object('Service', 'c', { metadata: { labels: { 'helm.toolkit.fluxcd.io/name': 'x' } } }),
    object('Service', 'd', {
      metadata: {
        ownerReferences: [{ apiVersion: 'x', kind: 'ClusterServiceVersion', name: 'n', uid: 'u' }],
      },
    }),
    object('Service', 'e', { metadata: { labels: { app: 'argo' } } }),
  ]);
  assert.deepEqual(
    marked.map(({ owner }) => owner),
    ['Argo CD', 'Argo CD', 'Flux', 'OLM'],
  );
});

test('threat 116: an owner is a decision of the operator’s: exit 11', () => {
  assert.equal(judgeOwners([]).outcome, 'pass');
  const finding = judgeOwners([{ owner: 'Argo CD', by: 'application a' }]);
  assert.equal(finding.outcome, 'fail');
  assert.throws(() => demandNoFailure([finding]), { code: 'DECISION_NEEDED' });
});
