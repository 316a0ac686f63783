import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeDisk } from '../../../src/install/checks/disk.js';
import { judgeDns, judgeName } from '../../../src/install/checks/dns.js';
import { judgeGpu } from '../../../src/install/checks/gpu.js';
import { judgeIdentity } from '../../../src/install/checks/identity.js';
import { judgeIngress } from '../../../src/install/checks/ingress.js';
import { judgePrometheus } from '../../../src/install/checks/prometheus.js';
import { judgePullSecret } from '../../../src/install/checks/pull-secret.js';
import { version } from '../../runai/facts.js';
import { object, outcome } from './support.js';

test('ingress: a class whose controller runs; the one that the values name', () => {
  const served = { ingressClass: 'haproxy', controller: 'haproxy.org/x', workload: 'deployment h/h' };
  assert.equal(outcome(judgeIngress({ found: [served] })), 'pass');
  assert.equal(outcome(judgeIngress({ found: [] })), 'fail');
  assert.equal(
    outcome(judgeIngress({ found: [{ ingressClass: 'nginx', controller: 'k8s.io/ingress-nginx' }] })),
    'fail',
  );
  assert.equal(outcome(judgeIngress({ found: [served], wanted: 'nginx' })), 'fail');
  assert.equal(outcome(judgeIngress({ found: [], brought: 'haproxy-ingress' })), 'pass');
});

test('ingress: the class that the new ingress has is compared with what is served, and a way in is not given up unasked', () => {
  const found = [{ ingressClass: 'haproxy', controller: 'haproxy.org/x', workload: 'deployment h/h' }];
  const comes = { ingressClass: 'nginx', isSettable: true, servedToday: true };
  const lost = judgeIngress({ found, comes });
  assert.equal(lost.outcome, 'fail');
  assert.match(lost.seen, /is of class nginx, which nobody serves/);
  assert.match(lost.advice ?? '', /--backend-set global\.ingress\.ingressClass=CLASS/);
  assert.equal(outcome(judgeIngress({ found, comes: { ...comes, servedToday: false } })), 'warn');
  assert.equal(outcome(judgeIngress({ found, comes: { ...comes, isSettable: false } })), 'warn');
  assert.equal(outcome(judgeIngress({ found, comes: { ...comes, ingressClass: 'haproxy' } })), 'pass');
  const brought = { found: [], brought: 'ingress-nginx', comes };
  assert.equal(outcome(judgeIngress({ ...brought, broughtClasses: ['nginx'] })), 'pass');
  assert.equal(outcome(judgeIngress({ ...brought, broughtClasses: ['other'] })), 'fail');
});

test('identity: a cluster of 2.15 or later is not told who it is', () => {
  assert.equal(outcome(judgeIdentity({ missing: [], isThere: true })), 'pass');
  const missing = ['cluster.uid', 'cluster.url'];
  const failed = judgeIdentity({ missing, isThere: true });
  assert.equal(failed.outcome, 'fail');
  assert.match(failed.advice ?? '', /--cluster-set cluster\.uid=… --cluster-set cluster\.url=…/);
  assert.equal(outcome(judgeIdentity({ missing, isThere: false })), 'warn', 'nobody could hand them out yet');
});

test('Prometheus: definitions, and an operator that runs', () => {
  const none = { missing: [], operators: [], instances: [] };
  assert.equal(outcome(judgePrometheus({ ...none, operators: ['monitoring/o'] })), 'pass');
  assert.equal(
    outcome(judgePrometheus({ ...none, missing: ['prometheuses.monitoring.coreos.com'] })),
    'fail',
  );
  assert.equal(outcome(judgePrometheus(none)), 'fail');
  assert.equal(outcome(judgePrometheus({ ...none, instances: ['monitoring/p'] })), 'warn');
});

test('GPU operator: never fails; warns when absent, not ready, of another version, without GPU nodes', () => {
  const facts = { release: version('2.13.66'), nodes: 2, gpuNodes: 1, state: 'ready', version: 'v23.9.2' };
  assert.equal(outcome(judgeGpu(facts)), 'pass');
  const { state: _state, ...absent } = facts;
  assert.equal(outcome(judgeGpu(absent)), 'warn');
  assert.match(judgeGpu({ ...absent, gpuNodes: 0 }).advice ?? '', /nothing to do where no GPU/);
  assert.equal(outcome(judgeGpu({ ...facts, state: 'notReady' })), 'warn');
  assert.equal(outcome(judgeGpu({ ...facts, version: 'v1.11.0' })), 'warn');
  assert.equal(outcome(judgeGpu({ ...facts, gpuNodes: 0 })), 'warn');
});

test('the name is a host name with a dot', () => {
  assert.equal(outcome(judgeName('runai.example.com')), 'pass');
  for (const bad of ['10.0.0.1', 'runai', 'run_ai.test', 'https://runai.test', '-a.test'])
    assert.equal(outcome(judgeName(bad)), 'fail', bad);
});

test('DNS: the ingress’ address; another one warns; loopback and no answer fail', () => {
  const ingress = [
    { address: '10.0.0.9', from: 'service h/h' },
    { address: '10.0.0.2', from: 'node a' },
  ];
  const judge = (addresses: string[]) =>
    outcome(judgeDns({ domain: 'runai.test', answer: { addresses }, ingress }));
  assert.equal(judge(['10.0.0.9']), 'pass');
  assert.equal(judge(['10.0.0.2']), 'pass');
  assert.equal(judge(['192.0.2.1']), 'warn');
  assert.equal(judge(['127.0.0.1']), 'fail');
  const gone = judgeDns({ domain: 'runai.test', answer: { error: 'ENOTFOUND' }, ingress });
  assert.equal(gone.outcome, 'fail');
  assert.match(gone.advice ?? '', /A record for runai.test to the site’s DNS: 10.0.0.9/);
});

test('the pull secret names this registry, or can be made', () => {
  const secret = (host: string, type = 'kubernetes.io/dockerconfigjson') => {
    const config = JSON.stringify({ auths: { [host]: { auth: 'eDp5' } } });
    return object('Secret', 'runai-reg-creds', {
      type,
      data: { '.dockerconfigjson': Buffer.from(config).toString('base64') },
    });
  };
  const judge = (one: ReturnType<typeof secret> | undefined, login = false) =>
    judgePullSecret({ host: 'registry.site:5000', secrets: new Map([['runai', one]]), login });
  assert.equal(judge(secret('registry.site:5000')).outcome, 'pass');
  assert.equal(judge(secret('https://registry.site:5000/v2/')).outcome, 'pass');
  assert.match(judge(secret('other.site')).seen, /is for other.site/);
  assert.equal(judge(secret('registry.site:5000', 'Opaque')).outcome, 'fail');
  assert.equal(judge(undefined).outcome, 'fail');
  assert.match(judge(undefined, true).seen, /is made in runai/);
  assert.ok(!JSON.stringify(judge(secret('other.site'))).includes('eDp5'));
});

test('disk: full fails, tight warns, no inodes fails', () => {
  const disk = (free: number, inodes = 1e6) =>
    judgeDisk([{ name: 'state', path: '/s', free, inodes }]).outcome;
  assert.equal(disk(5e9), 'pass');
  assert.equal(disk(5e8), 'warn');
  assert.equal(disk(1e6), 'fail');
  assert.equal(disk(5e9, 10), 'fail');
});
