import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { deleteObjectsStep } from '../../../src/install/steps/delete-objects.js';
import { deleteOwnedStep } from '../../../src/install/steps/delete-owned.js';
import type { KubeObject } from '../../../src/kube/types.js';
import { OBJECTS } from '../../../src/runai/names.js';
import { type Bench, LIMITS, makeBench, object, owned, runStep } from '../support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

const NS = 'runai-backend';
const work = () => ({ client: bench.api.client, limits: LIMITS });
const deletes = () => bench.api.writes.filter((seen) => seen.method === 'DELETE');

test('one object: saved whole, deleted by its UID with the lease looked at', async () => {
  const ingress = bench.api.put(object('Ingress', 'runai-backend-ingress', NS, { spec: { tls: [] } }));
  const step = deleteObjectsStep(work(), [OBJECTS.backendIngress]);
  assert.equal(await runStep(step, bench.context), 'done');
  assert.equal(bench.api.get('Ingress', 'runai-backend-ingress', NS), undefined);
  assert.deepEqual(deletes()[0]?.body?.['preconditions'], { uid: ingress.metadata.uid });
  assert.ok(bench.guards() >= 1);
  const [item] = await bench.context.saved.list();
  const kept = JSON.parse(String(await bench.context.saved.get(item?.name ?? '')));
  assert.deepEqual(kept[0].object.spec, { tls: [] });
});

test('threat 119: an object that came later under the same name is not touched', async () => {
  const step = deleteObjectsStep(work(), [OBJECTS.postgresSecret]);
  bench.api.put(object('Secret', 'runai-backend-postgresql', NS));
  await step.save?.(bench.context);
  bench.api.remove('Secret', 'runai-backend-postgresql', NS);
  const later = bench.api.put(object('Secret', 'runai-backend-postgresql', NS));
  assert.equal((await step.observe(bench.context)).state, 'done');
  await step.perform(bench.context);
  assert.equal(bench.api.get('Secret', 'runai-backend-postgresql', NS)?.metadata.uid, later.metadata.uid);
});

test('done already when there is no such object; nothing is sent', async () => {
  const step = deleteObjectsStep(work(), [OBJECTS.nginxWebhook, OBJECTS.kubeletService]);
  assert.equal(await runStep(step, bench.context), 'done');
  assert.deepEqual(bench.api.writes, []);
});

test('stateful sets go with their pods: foreground, and waited for', async () => {
  bench.api.put(object('StatefulSet', 'keycloak', NS, { metadata: { finalizers: ['foregroundDeletion'] } }));
  // Its pods are gone half a second after it was asked to go; before that it stays.
  const pods = setInterval(() => {
    const live = bench.api.get('StatefulSet', 'keycloak', NS) as KubeObject;
    if (!live.metadata.deletionTimestamp) return;
    clearInterval(pods);
    setTimeout(() => bench.api.remove('StatefulSet', 'keycloak', NS), 500);
  }, 50);
  assert.equal(await runStep(deleteObjectsStep(work(), [OBJECTS.keycloakSet]), bench.context), 'done');
  assert.equal(deletes()[0]?.body?.['propagationPolicy'], 'Foreground');
});

test('an object that does not go away is named with its finalizers', async () => {
  bench.api.put(
    object('Ingress', 'runai-backend-ingress', NS, { metadata: { finalizers: ['example.test/hold'] } }),
  );
  await assert.rejects(runStep(deleteObjectsStep(work(), [OBJECTS.backendIngress]), bench.context), {
    code: 'NOT_HEALTHY',
    found: 'still there, finalizers: example.test/hold',
  });
});

test('threat 119: killed between two objects: the rest goes, none twice', async () => {
  bench.api.put(object('StatefulSet', 'keycloak', NS));
  bench.api.put(object('StatefulSet', 'runai-backend-postgresql', NS));
  const refs = [OBJECTS.keycloakSet, OBJECTS.postgresSet];
  const first = deleteObjectsStep(work(), refs);
  await first.save?.(bench.context);
  let count = 0;
  bench.api.intercept = (seen) =>
    seen.method === 'DELETE' && ++count === 2 ? { status: 403, reason: 'Forbidden' } : undefined;
  await assert.rejects(first.perform(bench.context));
  bench.api.intercept = undefined;
  const again = deleteObjectsStep(work(), refs);
  assert.equal((await again.observe(bench.context)).state, 'ready');
  await again.perform(bench.context);
  assert.equal((await again.observe(bench.context)).state, 'done');
});

const SECRETS = {
  kind: 'delete-owned',
  namespace: NS,
  release: 'runai-backend',
  kinds: [{ apiVersion: 'v1', kind: 'Secret' }],
} as const;

test('secrets by kind: the release’s own go; Helm’s memory, tokens and the site’s own stay', async () => {
  bench.api.put(owned(object('Secret', 'runai-backend-postgresql', NS)));
  bench.api.put(object('Secret', 'keycloak-admin', NS));
  bench.api.put(object('Secret', 'runai-backend-tls', NS, { type: 'kubernetes.io/tls' }));
  bench.api.put(
    owned(object('Secret', 'sh.helm.release.v1.runai-backend.v4', NS, { type: 'helm.sh/release.v1' })),
  );
  bench.api.put(owned(object('Secret', 'token', NS, { type: 'kubernetes.io/service-account-token' })));
  bench.api.put(owned(object('Secret', 'other-release', NS), 'other'));
  const manifest = 'apiVersion: v1\nkind: Secret\nmetadata:\n  name: keycloak-admin\n';
  await bench.context.saved.put('site/release-runai-backend/manifest.yaml', manifest);
  assert.equal(await runStep(deleteOwnedStep(work(), SECRETS), bench.context), 'done');
  const left = (
    await bench.api.client.list({ apiVersion: 'v1', kind: 'Secret', plural: 'secrets', namespaced: true })
  )
    .map((one) => one.metadata.name)
    .sort();
  assert.deepEqual(left, [
    'other-release',
    'runai-backend-tls',
    'sh.helm.release.v1.runai-backend.v4',
    'token',
  ]);
  assert.ok(bench.notes.some((text) => text.includes('secret runai-backend-tls is not the release')));
});

test('workloads by kind: hand-made ones and the default account stay, the next release’s are not touched', async () => {
  const kinds = ['Deployment', 'StatefulSet', 'Service', 'Ingress', 'ServiceAccount'];
  for (const kind of kinds) bench.api.put(owned(object(kind, `own-${kind.toLowerCase()}`, NS)));
  bench.api.put(object('Ingress', 'by-hand', NS));
  bench.api.put(owned(object('ServiceAccount', 'default', NS)));
  const action = {
    kind: 'delete-owned',
    namespace: NS,
    release: 'runai-backend',
    kinds: kinds.map((kind) => ({ apiVersion: object(kind, 'x').apiVersion as string, kind })),
  } as const;
  const step = deleteOwnedStep(work(), action);
  assert.equal(await runStep(step, bench.context), 'done');
  assert.equal(deletes().length, 5);
  assert.ok(bench.api.get('Ingress', 'by-hand', NS));
  assert.ok(bench.api.get('ServiceAccount', 'default', NS));
  bench.api.put(owned(object('Deployment', 'own-deployment', NS)));
  assert.equal((await deleteOwnedStep(work(), action).observe(bench.context)).state, 'done');
});
