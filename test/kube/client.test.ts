import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AirgapError } from '../../src/errors.js';
import type { AirgapEvent } from '../../src/events.js';
import { RESOURCES } from '../../src/kube/resources.js';
import type { KubeObject } from '../../src/kube/types.js';
import { type FakeServer, fakeServer, type Handler, status } from './support/api.js';

let fake: FakeServer | undefined;
afterEach(async () => {
  await fake?.close();
  fake = undefined;
});

async function serve(handler: Handler) {
  fake = await fakeServer(handler);
  return { fake, client: await fake.connect() };
}

const pod = (name: string): KubeObject => ({ metadata: { name, namespace: 'a', uid: `uid-${name}` } });
const map = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'a' },
});
const code = (wanted: string) => (error: AirgapError) => {
  assert.equal(error.code, wanted, error.message);
  return true;
};

test('get gives the object, and undefined for a 404', async () => {
  const { client } = await serve(({ path }) => (path.endsWith('/pods/p') ? { json: pod('p') } : undefined));
  assert.equal((await client.get(RESOURCES.pods, { name: 'p', namespace: 'a' }))?.metadata.uid, 'uid-p');
  assert.equal(await client.get(RESOURCES.pods, { name: 'q', namespace: 'a' }), undefined);
});

test('list reads all pages and gives each object its kind', async () => {
  const { client, fake } = await serve(({ query }) => {
    const from = Number(query.get('continue') ?? 0);
    const items = [0, 1, 2].map((index) => pod(`p${from + index}`));
    return { json: { items, metadata: from < 6 ? { continue: String(from + 3) } : {} } };
  });
  const found = await client.list(RESOURCES.pods, {
    namespace: 'a',
    labelSelector: 'app=x,y!=z',
    pageSize: 3,
  });
  assert.deepEqual(
    found.map((one) => one.metadata.name),
    ['p0', 'p1', 'p2', 'p3', 'p4', 'p5', 'p6', 'p7', 'p8'],
  );
  assert.equal(found[0]?.kind, 'Pod');
  assert.equal(fake.seen[0]?.query.get('labelSelector'), 'app=x,y!=z');
  assert.equal(fake.seen[0]?.query.get('limit'), '3');
});

test('list begins anew when its snapshot expired, and mixes no two snapshots', async () => {
  let round = 0;
  const { client } = await serve(({ query }) => {
    if (!query.get('continue')) {
      round++;
      return { json: { items: [pod(`r${round}`)], metadata: { continue: 'next' } } };
    }
    return round === 1
      ? status(410, 'Expired', 'The provided continue parameter is too old')
      : { json: { items: [pod('last')], metadata: {} } };
  });
  const found = await client.list(RESOURCES.pods);
  assert.deepEqual(
    found.map((one) => one.metadata.name),
    ['r2', 'last'],
  );
});

test('threat 97: 429, 500 of an election, 502, 503, 504 and cut connections are tried again', async () => {
  const faults = [
    { ...status(429, 'TooManyRequests', 'slow down'), headers: { 'retry-after': '0' } },
    status(500, 'InternalError', 'etcdserver: leader changed'),
    { status: 502, text: '<html>bad gateway</html>' },
    status(503, 'ServiceUnavailable', 'not ready'),
    status(504, 'Timeout', 'request did not complete'),
    { cut: true },
  ];
  let left = [...faults];
  const { client, fake } = await serve(({ path }) => {
    if (path === '/version') return { json: { major: '1', minor: '28+', gitVersion: 'v1.28.3-eks' } };
    return left.shift() ?? { json: pod('p') };
  });
  assert.deepEqual(await client.version(), { major: 1, minor: 28, gitVersion: 'v1.28.3-eks' });
  assert.ok(await client.get(RESOURCES.pods, { name: 'p', namespace: 'a' }));
  assert.equal(fake.seen.length, 1 + faults.length + 1);
  left = [...faults];
  assert.ok(await client.apply(map('m')), 'a server-side apply may be sent again');
});

test('threat 97: the API server goes away and comes back; it is said once', async () => {
  const events: AirgapEvent[] = [];
  fake = await fakeServer(() => ({ json: pod('p') }));
  const client = await fake.connect({ emit: (event) => events.push(event), retryDelay: 20 });
  await client.get(RESOURCES.pods, { name: 'p', namespace: 'a' });
  await fake.stop();
  const reading = client.get(RESOURCES.pods, { name: 'p', namespace: 'a' });
  await sleep(150);
  await fake.start();
  assert.ok(await reading);
  const notes = events.filter((event) => event.type === 'note');
  assert.equal(notes.length, 1);
  assert.match(JSON.stringify(notes[0]), /does not answer \((connect ECONNREFUSED|socket hang up)/);
});

test('threat 97: a server that never answered is given up at once', async () => {
  fake = await fakeServer(() => undefined);
  const client = await fake.connect();
  await fake.stop();
  const start = performance.now();
  await assert.rejects(client.version(), (error: AirgapError) => {
    assert.equal(error.code, 'CLUSTER_UNREACHABLE');
    assert.match(error.found ?? '', /ECONNREFUSED/);
    return true;
  });
  assert.ok(performance.now() - start < 3000);
});

test('threat 97: a server that stays away ends as unreachable, not as a hang', async () => {
  fake = await fakeServer(() => ({ json: pod('p') }));
  const client = await fake.connect({ retries: 3 });
  await client.get(RESOURCES.pods, { name: 'p', namespace: 'a' });
  await fake.stop();
  await assert.rejects(client.list(RESOURCES.pods), code('CLUSTER_UNREACHABLE'));
});

test('what asking again cannot mend is not asked again', async () => {
  const refusals = [
    [status(400, 'BadRequest', 'no'), 'CLUSTER_REFUSED'],
    [status(422, 'Invalid', 'spec.replicas: must be positive'), 'CLUSTER_REFUSED'],
    [status(403, 'Forbidden', 'pods is forbidden: User "u" cannot list resource "pods"'), 'CLUSTER_DENIED'],
    [status(403, 'Forbidden', 'exceeded quota: small, requested: pods=1'), 'CLUSTER_REFUSED'],
    [status(500, 'InternalError', 'failed calling webhook "v.example.com": no endpoints'), 'CLUSTER_REFUSED'],
  ] as const;
  for (const [answer, wanted] of refusals) {
    const { client, fake } = await serve(() => answer);
    await assert.rejects(client.list(RESOURCES.pods), code(wanted));
    assert.equal(fake.seen.length, 1, wanted);
    await fake.close();
  }
});

test('threat 54: control characters of the server do not reach a message', async () => {
  const { client } = await serve(() => status(400, 'BadRequest', 'ok\x1b[2K\rPASSED\u202e'));
  await assert.rejects(client.list(RESOURCES.pods), (error: AirgapError) => {
    assert.doesNotMatch(JSON.stringify([error.message, error.found]), /\\u001b|\\r|\u202e/);
    return true;
  });
});

test('a page of something between is told from an API server', async () => {
  const { client } = await serve(() => ({ text: '<html>login</html>' }));
  await assert.rejects(client.list(RESOURCES.pods), code('CLUSTER_UNREACHABLE'));
});

test('threat 98: after a lost answer a create looks before it sends again', async () => {
  const there = new Map<string, unknown>();
  let losses = 1;
  const { client, fake } = await serve(({ method, path, body }) => {
    if (method === 'POST') {
      there.set(`${path}/m`, { ...JSON.parse(body), metadata: { ...JSON.parse(body).metadata, uid: 'u1' } });
      if (losses-- > 0) return { cut: true };
    }
    const found = there.get(path);
    return found ? { json: found } : undefined;
  });
  const made = await client.create(map('m'));
  assert.notEqual(made, 'exists');
  assert.equal((made as KubeObject).metadata.uid, 'u1');
  assert.deepEqual(
    fake.seen.map((seen) => seen.method),
    ['POST', 'GET'],
  );
});

test('threat 98: a create that was lost before its effect is sent again', async () => {
  let losses = 1;
  const { client, fake } = await serve(({ method, body }) => {
    if (method === 'GET') return undefined;
    return losses-- > 0 ? { cut: true } : { json: JSON.parse(body) };
  });
  assert.notEqual(await client.create(map('m')), 'exists');
  assert.deepEqual(
    fake.seen.map((seen) => seen.method),
    ['POST', 'GET', 'POST'],
  );
});

test('create tells that somebody was first; replace tells of a stale version', async () => {
  const { client } = await serve(({ method }) =>
    method === 'POST'
      ? status(409, 'AlreadyExists', 'configmaps "m" already exists')
      : status(409, 'Conflict', 'the object has been modified'),
  );
  assert.equal(await client.create(map('m')), 'exists');
  assert.equal(await client.replace(map('m')), 'conflict');
});

test('delete sends the UID it means, and tells another object from one that is gone', async () => {
  const answers = [
    { json: {} },
    status(409, 'Conflict', 'Precondition failed: UID in precondition: x'),
    undefined,
  ];
  const { client, fake } = await serve(() => answers.shift());
  const name = { name: 'm', namespace: 'a' };
  assert.equal(await client.delete(RESOURCES.configMaps, name, { uid: 'u1' }), 'deleted');
  assert.equal(await client.delete(RESOURCES.configMaps, name, { uid: 'u1' }), 'other');
  assert.equal(await client.delete(RESOURCES.configMaps, name, { uid: 'u1' }), 'gone');
  assert.equal(JSON.parse(fake.seen[0]?.body ?? '').preconditions.uid, 'u1');
  assert.equal(JSON.parse(fake.seen[0]?.body ?? '').propagationPolicy, 'Background');
});

test('threat 105: there is no way to delete a CRD or a namespace', async () => {
  const { client, fake } = await serve(() => ({ json: {} }));
  for (const resource of [RESOURCES.crds, RESOURCES.namespaces])
    await assert.rejects(client.delete(resource, { name: 'x' }), code('INTERNAL'));
  assert.equal(fake.seen.length, 0);
});

test('apply sends the object as it is, raw, under our field manager', async () => {
  const object = {
    ...map('m'),
    data: { x: '1' },
    'x-kubernetes-anything': { $ref: '#/y', default: [null, 1.5] },
  };
  const { client, fake } = await serve(({ body }) => ({ json: JSON.parse(body) }));
  await client.apply(object);
  const [seen] = fake.seen;
  assert.equal(seen?.method, 'PATCH');
  assert.equal(seen?.headers['content-type'], 'application/apply-patch+yaml');
  assert.equal(seen?.url, '/api/v1/namespaces/a/configmaps/m?fieldManager=airgap');
  assert.equal(seen?.body, JSON.stringify(object));
});

function conflict(...managers: string[]) {
  const causes = managers.map((manager, index) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with "${manager}" using v1`,
    field: `.data.f${index}`,
  }));
  return status(409, 'Conflict', 'Apply failed with conflicts', { causes });
}

test('threat 100: fields of kubectl, helm and our own are taken over', async () => {
  const { client, fake } = await serve(({ query, body }) =>
    query.get('force') ? { json: JSON.parse(body) } : conflict('kubectl-client-side-apply', 'helm', 'airgap'),
  );
  await client.apply(map('m'));
  assert.deepEqual(
    fake.seen.map((seen) => seen.query.get('force')),
    [null, 'true'],
  );
});

test('threat 100: one field of anybody else stops it, named, and nothing is forced', async () => {
  const { client, fake } = await serve(() => conflict('helm', 'argocd-controller'));
  await assert.rejects(client.apply(map('m')), (error: AirgapError) => {
    assert.equal(error.code, 'APPLY_CONFLICT');
    assert.deepEqual(error.faults, [{ where: '.data.f1', what: 'belongs to argocd-controller' }]);
    return true;
  });
  assert.ok(fake.seen.every((seen) => seen.query.get('force') === null));
});

test('discovery finds kinds, asks again for those that were not there, and names groups', async () => {
  const resources = [{ name: 'projects/status', kind: 'Project', namespaced: false }];
  const { client } = await serve(({ path }) => {
    if (path === '/apis') return { json: { groups: [{ name: 'apps' }, { name: 'route.openshift.io' }] } };
    return path === '/apis/run.ai/v2' ? { json: { resources } } : undefined;
  });
  assert.deepEqual(await client.groups(), ['apps', 'route.openshift.io']);
  assert.equal(await client.resourceFor('run.ai/v2', 'Project'), undefined);
  resources.push({ name: 'projects', kind: 'Project', namespaced: false });
  assert.equal((await client.resourceFor('run.ai/v2', 'Project'))?.plural, 'projects');
  assert.equal(await client.resourceFor('nowhere.io/v1', 'Thing'), undefined);
  const thing = { apiVersion: 'nowhere.io/v1', kind: 'Thing', metadata: { name: 'x' } };
  await assert.rejects(client.apply(thing), code('CLUSTER_REFUSED'));
});

test('threat 99: a right is asked for by a SelfSubjectAccessReview', async () => {
  const { client, fake } = await serve(() => ({ json: { status: { allowed: false, reason: 'no role' } } }));
  const answer = await client.mayI({
    verb: 'create',
    group: 'apps',
    resource: 'deployments',
    namespace: 'a',
  });
  assert.deepEqual(answer, { allowed: false, reason: 'no role' });
  const sent = JSON.parse(fake.seen[0]?.body ?? '');
  assert.deepEqual(sent.spec.resourceAttributes, {
    verb: 'create',
    group: 'apps',
    resource: 'deployments',
    namespace: 'a',
  });
});

test('an aborted signal ends a waiting request', async () => {
  fake = await fakeServer(() => status(503, 'ServiceUnavailable', 'never'));
  const client = await fake.connect({ retryDelay: 1000 });
  const stop = new AbortController();
  const start = performance.now();
  setTimeout(() => stop.abort(), 50);
  await assert.rejects(client.list(RESOURCES.pods, { signal: stop.signal }), { name: 'AbortError' });
  assert.ok(performance.now() - start < 1000);
});
