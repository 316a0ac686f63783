import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isAsked, type Sent, sentByCharts, sentByUs } from '../../../src/install/checks/asked.js';
import { judgeWebhooks, strictOf } from '../../../src/install/checks/webhooks.js';
import { object, rendered } from './support.js';

const CHART = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec: { template: { metadata: { labels: { tier: front } }, spec: { containers: [{ name: c, image: x }] } } }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: reader }
`;
const servedAs = async ({ kind = '' }: { kind?: string }) => ({
  plural: `${kind.toLowerCase()}s`,
  namespaced: kind !== 'ClusterRole',
});
const rule = (group: string, resource: string, more: object = {}) => ({
  apiGroups: [group],
  apiVersions: ['v1'],
  operations: ['CREATE'],
  resources: [resource],
  ...more,
});
const nowhere = { matchLabels: { audited: 'yes' } };
const sent: Sent[] = [
  ...(await sentByCharts([rendered(CHART)], servedAs)),
  ...sentByUs({ crds: ['projects.run.ai'], namespaces: ['runai'] }),
];
const asked = (hook: object, labels = new Map<string, Record<string, string>>()): string[] =>
  sent.filter((one) => isAsked(hook, one, labels)).map(({ name }) => name);

test('what is sent: objects, their pods, helm’s record, definitions, namespaces and the run’s own', () => {
  assert.deepEqual(
    sent.map(({ group, resource, namespace }) => [group, resource, namespace]),
    [
      ['apps', 'deployments', 'runai-backend'],
      ['', 'pods', 'runai-backend'],
      ['rbac.authorization.k8s.io', 'clusterroles', undefined],
      ['', 'secrets', 'runai-backend'],
      ['apiextensions.k8s.io', 'customresourcedefinitions', undefined],
      ['', 'namespaces', undefined],
      ['', 'configmaps', 'kube-system'],
      ['', 'secrets', 'kube-system'],
      ['coordination.k8s.io', 'leases', 'kube-system'],
    ],
  );
});

test('threat 107: a namespaceSelector counts for what is in namespaces, by their labels', () => {
  const hook = { rules: [rule('apps', 'deployments')], namespaceSelector: nowhere };
  assert.deepEqual(asked(hook), []);
  assert.deepEqual(asked(hook, new Map([['runai-backend', { audited: 'yes' }]])), [
    'Deployment runai-backend/web',
  ]);
  const byName = { matchLabels: { 'kubernetes.io/metadata.name': 'runai-backend' } };
  assert.deepEqual(asked({ ...hook, namespaceSelector: byName }).length, 1);
});

test('threat 107: a namespaceSelector says nothing about what is in no namespace', () => {
  const hook = { rules: [rule('rbac.authorization.k8s.io', 'clusterroles')], namespaceSelector: nowhere };
  assert.deepEqual(asked(hook), ['ClusterRole reader']);
  const crds = { rules: [rule('*', 'customresourcedefinitions')], namespaceSelector: nowhere };
  assert.deepEqual(asked(crds), ['definition projects.run.ai']);
});

test('a Namespace is held against its own labels', () => {
  const hook = { rules: [rule('', 'namespaces')], namespaceSelector: nowhere };
  assert.deepEqual(asked(hook), []);
  const named = { matchLabels: { 'kubernetes.io/metadata.name': 'runai' } };
  assert.deepEqual(asked({ ...hook, namespaceSelector: named }), ['Namespace runai']);
});

test('rules: groups, resources, scope, operations and the labels of the object', () => {
  assert.equal(asked({ rules: [rule('*', '*')] }).length, sent.length);
  assert.equal(asked({ rules: [rule('*', '*', { scope: 'Cluster' })] }).length, 3);
  assert.equal(asked({ rules: [rule('*', '*/*', { scope: 'Namespaced' })] }).length, 6);
  assert.deepEqual(asked({ rules: [rule('*', '*', { operations: ['DELETE'] })] }), []);
  assert.deepEqual(asked({ rules: [rule('', 'pods/status')] }), []);
  const selected = { rules: [rule('*', '*')], objectSelector: { matchLabels: { tier: 'front' } } };
  assert.deepEqual(asked(selected), ['pods of web']);
});

test('threat 107: a webhook that nobody answers for fails when it is asked about something of ours', () => {
  const configuration = (more: object, annotations: Record<string, string> = {}) =>
    object('ValidatingWebhookConfiguration', 'strict', {
      metadata: { annotations },
      webhooks: [
        { name: 'a.b.c', clientConfig: { service: { namespace: 'n', name: 's' } }, ...more },
        { name: 'd.e.f', failurePolicy: 'Ignore', rules: [rule('*', '*')] },
      ],
    });
  const judge = (more: object, { endpoints = 0, release = '' } = {}) => {
    const annotations = release === '' ? {} : { 'meta.helm.sh/release-name': release };
    const hooks = strictOf(configuration(more, annotations), {
      releases: ['runai-backend'],
      sent,
      labels: new Map(),
    });
    assert.equal(hooks.length, 1);
    return judgeWebhooks(hooks.map((hook) => ({ ...hook, endpoints })));
  };
  const all = { rules: [rule('*', '*')] };
  assert.equal(judge(all).outcome, 'fail');
  assert.match(
    judge(all).seen,
    /^strict: a\.b\.c \(n\/s has no endpoints\) is asked about Deployment .* and 6 more$/,
  );
  assert.equal(judge(all, { endpoints: 1 }).outcome, 'pass');
  assert.equal(judge({ rules: [rule('cert.io', 'certificates')] }).outcome, 'pass');
  assert.equal(judge(all, { release: 'runai-backend' }).outcome, 'warn');
  assert.equal(judge({ ...all, matchConditions: [{ name: 'x', expression: 'true' }] }).outcome, 'warn');
});
