import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { AirgapError } from '../../../src/errors.js';
import { decodeRelease, isDecoded } from '../../../src/helm/release.js';
import type { Helm, RollbackRequest } from '../../../src/helm/types.js';
import { contentSha } from '../../../src/install/rollback/content.js';
import type { RollbackWork } from '../../../src/install/rollback/executors.js';
import type { RollbackTarget } from '../../../src/install/rollback/state.js';
import { helmRollbackStep } from '../../../src/install/rollback/steps/helm-rollback.js';
import type { KubeObject } from '../../../src/kube/types.js';
import { type Bench, LIMITS, makeBench, object, owned, runStep } from '../support/step.js';

const NAMESPACE = 'runai-backend';
const OLD = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: pvc-postgresql }
`;
const NEW = `
apiVersion: v1
kind: ConfigMap
metadata: { name: settings }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: newer }
`;

interface Revision {
  readonly version: number;
  readonly status: string;
  readonly manifest: string;
  readonly description?: string;
}

/** A revision as helm keeps it. */
function secretOf({ version, status, manifest, description = '' }: Revision): KubeObject {
  const release = {
    ...{ name: NAMESPACE, namespace: NAMESPACE, version, manifest, config: {} },
    info: { status, description, last_deployed: '2026-11-21T10:00:00Z' },
    chart: { metadata: { name: 'chart', version: manifest === OLD ? '2.9.25' : '2.13.66' }, values: {} },
  };
  const packed = gzipSync(JSON.stringify(release)).toString('base64');
  const labels = { owner: 'helm', name: NAMESPACE, status, version: String(version) };
  return {
    ...object('Secret', `sh.helm.release.v1.${NAMESPACE}.v${version}`, NAMESPACE, { metadata: { labels } }),
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from(packed).toString('base64') },
  };
}

const one: Revision = { version: 1, status: 'superseded', manifest: OLD };
const two: Revision = { version: 2, status: 'deployed', manifest: NEW };
const first = decodeRelease(secretOf(one) as never);
const target: RollbackTarget = {
  ...{ release: NAMESPACE, namespace: NAMESPACE, revision: 1, seen: 2 },
  contentSha: isDecoded(first) ? contentSha(first) : '',
};

let bench: Bench;
let asked: RollbackRequest[];
/** What `helm rollback` does to the record, at the moment it is called. */
let helmDoes: (request: RollbackRequest) => void;
beforeEach(async () => {
  bench = await makeBench();
  asked = [];
  helmDoes = () => put({ version: 3, status: 'deployed', manifest: OLD, description: 'Rollback to 1' });
  for (const revision of [one, two]) put(revision);
  bench.api.put(owned(object('ConfigMap', 'settings', NAMESPACE)));
  bench.api.put(owned(object('PersistentVolumeClaim', 'pvc-postgresql', NAMESPACE)));
});
afterEach(() => bench.close());

const put = (revision: Revision): void => void bench.api.put(secretOf(revision));
const manifestOf = (version: number): string => {
  const secret = bench.api.get('Secret', `sh.helm.release.v1.${NAMESPACE}.v${version}`, NAMESPACE);
  const decoded = secret && decodeRelease(secret as never);
  return decoded && isDecoded(decoded) ? decoded.manifest : '';
};

function step() {
  const rollback = async (request: RollbackRequest): Promise<void> => {
    asked.push(request);
    helmDoes(request);
  };
  const work = {
    client: bench.api.client,
    helm: { rollback } as unknown as Helm,
    limits: LIMITS,
    results: { health: new Map(), revisions: new Map<string, number>() },
    origin: { runId: 'run-up', saved: { get: async () => undefined } },
  } as unknown as RollbackWork;
  return { work, executor: helmRollbackStep(work, target) };
}

test('what an upgrade kept is put on helm’s record before helm compares, once, and helm is told the run', async () => {
  let seen = '';
  helmDoes = () => {
    seen = manifestOf(2);
    put({ version: 3, status: 'deployed', manifest: OLD });
  };
  const { work, executor } = step();
  assert.equal(await runStep(executor, bench.context), 'done');
  assert.equal(seen.match(/pvc-postgresql/g)?.length, 1);
  assert.match(seen, /newer/, 'what was there stays');
  assert.equal(work.results.revisions.get(NAMESPACE), 3);
  assert.deepEqual(
    asked.map(({ release, revision, runId }) => [release, revision, runId]),
    [[NAMESPACE, 1, 'run-1']],
  );
  assert.ok(await bench.context.saved.get(`helm/${NAMESPACE}/revisions.json`));
  assert.ok(bench.guards() >= 2);
});

test('an object of the same name that is not the release’s is never taken for its own', async () => {
  bench.api.put(object('PersistentVolumeClaim', 'pvc-postgresql', NAMESPACE));
  await runStep(step().executor, bench.context);
  assert.doesNotMatch(manifestOf(2), /pvc-postgresql/);
});

test('threat 109: our own broken try is saved and comes off the record, so that helm compares with the newer version', async () => {
  const { executor } = step();
  await executor.save?.(bench.context);
  put({ version: 3, status: 'pending-rollback', manifest: OLD, description: 'Rollback to 1' });
  let last = '';
  helmDoes = () => {
    last = manifestOf(3);
    put({ version: 3, status: 'deployed', manifest: OLD });
  };
  assert.equal((await executor.observe(bench.context)).state, 'ready');
  await executor.perform(bench.context);
  assert.equal(last, '', 'revision 3 was gone when helm was called');
  assert.equal((await executor.observe(bench.context)).state, 'done');
  const kept = await bench.context.saved.get(`helm/sh.helm.release.v1.${NAMESPACE}.v3.json`);
  assert.match(kept?.toString('utf8') ?? '', /pending-rollback/);
});

test('threat 109: a pending revision of somebody else’s stops it, exit 9', async () => {
  put({ version: 3, status: 'pending-rollback', manifest: OLD });
  await assert.rejects(step().executor.observe(bench.context), { code: 'LOCKED', exitStatus: 9 });
});

test('the old content deployed is not enough: what is missing of it has to be there', async () => {
  put({ version: 3, status: 'deployed', manifest: OLD });
  bench.api.remove('ConfigMap', 'settings', NAMESPACE);
  const { executor } = step();
  const seen = await executor.observe(bench.context);
  assert.deepEqual(seen, { state: 'ready', detail: 'configmap settings not there' });
  helmDoes = () => void bench.api.put(owned(object('ConfigMap', 'settings', NAMESPACE)));
  await executor.perform(bench.context);
  assert.equal((await executor.observe(bench.context)).state, 'done');
});

/** `settings` as it is once it was deleted, while somebody's finalizer holds it. */
const dying = (): KubeObject => {
  const { metadata, ...rest } = owned(object('ConfigMap', 'settings', NAMESPACE));
  const deletionTimestamp = '2026-11-21T10:00:00Z';
  return { ...rest, metadata: { ...metadata, deletionTimestamp, finalizers: ['run.ai/operator'] } };
};

test('an object that is about to go counts as gone, and helm waits until it is', async () => {
  put({ version: 3, status: 'deployed', manifest: OLD });
  bench.api.put(dying());
  const { executor } = step();
  const seen = await executor.observe(bench.context);
  assert.deepEqual(seen, { state: 'ready', detail: 'configmap settings not there' });
  setTimeout(() => bench.api.remove('ConfigMap', 'settings', NAMESPACE), 300);
  let live: KubeObject | undefined;
  helmDoes = () => {
    live = bench.api.get('ConfigMap', 'settings', NAMESPACE);
    bench.api.put(owned(object('ConfigMap', 'settings', NAMESPACE)));
  };
  await executor.perform(bench.context);
  assert.equal(asked.length, 1);
  assert.equal(live, undefined, 'helm would have changed what goes');
  assert.equal((await executor.observe(bench.context)).state, 'done');
});

test('what does not go is named with its finalizers, and helm is not called', async () => {
  bench.api.put(dying());
  await assert.rejects(step().executor.perform(bench.context), (error: AirgapError) => {
    assert.equal(error.code, 'NOT_HEALTHY');
    assert.match(error.found ?? '', /configmap settings \(run\.ai\/operator\)/);
    return true;
  });
  assert.deepEqual(asked, []);
});

test('threat 91: a revision that somebody made since the plan leaves it to the operator', async () => {
  put({ version: 3, status: 'deployed', manifest: `${NEW}# by hand`, description: 'by hand' });
  const seen = await step().executor.observe(bench.context);
  assert.equal(seen.state, 'impossible');
  assert.match(seen.detail ?? '', /revision 3 \(deployed: by hand\) was made since the plan/);
});
