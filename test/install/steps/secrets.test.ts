import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import type { AirgapError } from '../../../src/errors.js';
import { restoreSecretsStep } from '../../../src/install/steps/restore-secrets.js';
import { restoreSubjectsStep } from '../../../src/install/steps/restore-subjects.js';
import { tlsSecretStep } from '../../../src/install/steps/tls-secret.js';
import { PEOPLE_ELSEWHERE } from '../../../src/runai/bindings.js';
import { OBJECTS } from '../../../src/runai/names.js';
import { type Bench, makeBench, object, owned, runStep } from '../support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

const folder = mkdtempSync(join(tmpdir(), 'airgap-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));
let pair = { key: '', crt: '' };
let otherKey = '';
before(() => {
  const make = (name: string): { key: string; crt: string } => {
    const [key, crt] = [join(folder, `${name}.key`), join(folder, `${name}.crt`)];
    const args = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-days',
      '2',
    ];
    execFileSync('openssl', [...args, '-subj', '/CN=runai.test', '-keyout', key, '-out', crt], {
      stdio: 'ignore',
    });
    return { key: readFileSync(key, 'utf8'), crt: readFileSync(crt, 'utf8') };
  };
  pair = make('a');
  otherKey = make('b').key;
});

const NS = 'runai-backend';
const values = (https: unknown) =>
  bench.context.saved.put('site/release-runai-backend/values.json', JSON.stringify({ backend: { https } }));
const tls = () => tlsSecretStep({ client: bench.api.client }, OBJECTS.backendTls);

test('the certificate leaves the values for a secret of type tls', async () => {
  await values({ enabled: true, ...pair });
  assert.equal(await runStep(tls(), bench.context), 'done');
  const secret = bench.api.get('Secret', 'runai-backend-tls', NS);
  assert.equal(secret?.['type'], 'kubernetes.io/tls');
  const data = secret?.['data'] as Record<string, string>;
  assert.equal(Buffer.from(data['tls.crt'] ?? '', 'base64').toString(), pair.crt);
  assert.ok(bench.guards() > 0);
});

test('no certificate, or a key that does not fit: the operator decides, and no secret shows', async () => {
  assert.match((await tls().observe(bench.context)).detail ?? '', /no key and certificate in the values/);
  await values({ key: otherKey, crt: pair.crt });
  const seen = await tls().observe(bench.context);
  assert.deepEqual([seen.state, /does not fit/.test(seen.detail ?? '')], ['impossible', true]);
  await values({ key: 'rubbish', crt: 'rubbish' });
  assert.match((await tls().observe(bench.context)).detail ?? '', /cannot be read/);
  assert.doesNotMatch(JSON.stringify(await tls().observe(bench.context)), /rubbish|BEGIN/);
});

test('a secret that is there is proven, not replaced', async () => {
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const data = (key: string) => ({ data: { 'tls.key': encode(key), 'tls.crt': encode(pair.crt) } });
  bench.api.put(object('Secret', 'runai-backend-tls', NS, data(pair.key)));
  assert.equal((await tls().observe(bench.context)).state, 'done');
  bench.api.put(object('Secret', 'runai-backend-tls', NS, data(otherKey)));
  assert.equal((await tls().observe(bench.context)).state, 'impossible');
});

test('of the saved secrets only the site’s own come back, and only where they are gone', async () => {
  const site = [
    object('Secret', 'runai-ca-cert', NS, { type: 'Opaque', metadata: { uid: 'old', resourceVersion: '7' } }),
    object('Secret', 'corp-tls', NS, { type: 'kubernetes.io/tls', data: { 'tls.crt': 'eA==' } }),
    owned(object('Secret', 'gcr-secret', NS, { type: 'kubernetes.io/dockerconfigjson' })),
    object('Secret', 'asset', NS, { metadata: { labels: { 'run.ai/cluster-wide': 'true' } } }),
    object('Secret', 'runai-backend-postgresql', NS),
    object('Secret', 'sh.helm.release.v1.runai-backend.v1', NS, { type: 'helm.sh/release.v1' }),
  ];
  await bench.saveSite(NS, 'secret.v1', site);
  const there = bench.api.put(object('Secret', 'corp-tls', NS, { data: { 'tls.crt': 'bmV3' } }));
  assert.equal(await runStep(restoreSecretsStep({ client: bench.api.client }, NS), bench.context), 'done');
  const names = ['runai-ca-cert', 'gcr-secret', 'asset'];
  for (const name of names) assert.ok(bench.api.get('Secret', name, NS), name);
  assert.notEqual(bench.api.get('Secret', 'runai-ca-cert', NS)?.metadata.uid, 'old');
  assert.deepEqual(bench.api.get('Secret', 'corp-tls', NS), there);
  assert.equal(bench.api.get('Secret', 'runai-backend-postgresql', NS), undefined);
  assert.equal(bench.api.get('Secret', 'sh.helm.release.v1.runai-backend.v1', NS), undefined);
});

test('nothing was saved: nothing to put back', async () => {
  assert.equal(
    await runStep(restoreSecretsStep({ client: bench.api.client }, 'runai'), bench.context),
    'done',
  );
  assert.equal(bench.api.writes.length, 0);
});

test('people added to a binding by hand come back; service accounts are the chart’s affair', async () => {
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'runai-cli-index-map-editor' };
  const person = { kind: 'User', name: 'ada', apiGroup: 'rbac.authorization.k8s.io' };
  const account = { kind: 'ServiceAccount', name: 'old', namespace: 'runai' };
  const before = object('RoleBinding', 'runai-cli-index-map-editor', 'runai', {
    roleRef,
    subjects: [person, account],
  });
  await bench.saveSite('runai', 'rolebinding.rbac.authorization.k8s.io.v1', [before]);
  const fresh = { kind: 'ServiceAccount', name: 'researcher-service', namespace: 'runai' };
  bench.api.put(object('RoleBinding', 'runai-cli-index-map-editor', 'runai', { roleRef, subjects: [fresh] }));
  const step = restoreSubjectsStep({ client: bench.api.client }, PEOPLE_ELSEWHERE);
  assert.equal(await runStep(step, bench.context), 'done');
  assert.deepEqual(bench.api.get('RoleBinding', 'runai-cli-index-map-editor', 'runai')?.['subjects'], [
    fresh,
    person,
  ]);
  bench.api.remove('RoleBinding', 'runai-cli-index-map-editor', 'runai');
  assert.equal(await runStep(step, bench.context), 'done');
  assert.deepEqual(bench.api.get('RoleBinding', 'runai-cli-index-map-editor', 'runai')?.['roleRef'], roleRef);
});

test('threat 94: saved secrets whose copy is not to be had here are not taken for none', async () => {
  const { saved } = bench.context;
  const step = restoreSecretsStep({ client: bench.api.client }, NS);
  const count = (found: number) =>
    saved.put('site/complete.json', JSON.stringify({ objects: { [`site/${NS}/secret.v1.json`]: found } }));
  await count(0);
  assert.equal((await step.observe(bench.context)).state, 'done');
  await count(2);
  await saved.put('backup/begun.json', JSON.stringify({ path: '/b', keyFile: '/k', place: 'first-host:1' }));
  await assert.rejects(step.observe(bench.context), (error: AirgapError) => {
    assert.equal(error.code, 'DECISION_NEEDED');
    assert.match(error.hint, /the same command, on host first-host:1/);
    return true;
  });
});
