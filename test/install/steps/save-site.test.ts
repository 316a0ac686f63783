import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { restoreSubjectsStep } from '../../../src/install/steps/restore-subjects.js';
import { saveSiteStep } from '../../../src/install/steps/save-site.js';
import { savedObjects } from '../../../src/install/steps/saved-site.js';
import type { KubeObject } from '../../../src/kube/types.js';
import { PEOPLE_ELSEWHERE } from '../../../src/runai/bindings.js';
import { type Bench, makeBench, object, runStep } from '../support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

function definition(kind: string, [group, scope]: readonly [string, string], versions: readonly unknown[]) {
  const plural = kind === 'TrainingPolicy' ? 'trainingpolicies' : `${kind.toLowerCase()}s`;
  return object('CustomResourceDefinition', `${plural}.${group}`, undefined, {
    spec: { group, scope, names: { kind, plural }, versions },
  });
}

const version = (name: string, ...more: readonly string[]) => ({
  name,
  served: !more.includes('unserved'),
  storage: more.includes('storage'),
});

async function saved(apiVersion: string, kind: string): Promise<string[]> {
  const objects = await savedObjects(bench.context.saved, { apiVersion, kind });
  return objects.map((one: KubeObject) => one.metadata.name);
}

test('projects of 2.7 are saved in the version that is stored there, and rules of every kind with them', async () => {
  const stored = version('v2alpha1', 'storage');
  for (const [kind, group, scope, versions] of [
    ['Project', 'run.ai', 'Cluster', [version('v1'), stored]],
    ['AccessRule', 'run.ai', 'Cluster', [version('v1alpha1', 'storage')]],
    ['TrainingPolicy', 'run.ai', 'Namespaced', [version('v1', 'unserved'), stored]],
    ['Config', 'engine.run.ai', 'Cluster', [version('v1alpha1', 'storage')]],
  ] as const)
    bench.api.put(definition(kind, [group, scope], versions));
  for (const one of [
    object('Project', 'team-a'),
    object('Project', 'team-b'),
    object('AccessRule', 'ada'),
    object('TrainingPolicy', 'limits', 'runai-team-a'),
    object('Config', 'engine'),
    object('PersistentVolume', 'pv-1'),
  ])
    bench.api.put(one);
  assert.equal(await runStep(saveSiteStep({ client: bench.api.client }, []), bench.context), 'done');
  assert.deepEqual(await saved('run.ai/v2alpha1', 'Project'), ['team-a', 'team-b']);
  assert.deepEqual(await saved('run.ai/v1alpha1', 'AccessRule'), ['ada']);
  assert.deepEqual(await saved('run.ai/v2alpha1', 'TrainingPolicy'), ['limits']);
  assert.deepEqual(await saved('engine.run.ai/v1alpha1', 'Config'), ['engine']);
  assert.deepEqual(await saved('v1', 'PersistentVolume'), ['pv-1']);
});

test('people in a binding of the whole cluster are saved, and come back when the chart took it', async () => {
  const binding = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRoleBinding' };
  const name = 'runai-job-viewer-manual';
  const ada = { kind: 'User', name: 'ada', apiGroup: 'rbac.authorization.k8s.io' };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'runai-job-viewer' };
  for (const [one, subjects] of [
    [name, [ada]],
    ['of-somebody', []],
  ] as const)
    bench.api.put(object('ClusterRoleBinding', one, undefined, { roleRef, subjects }));
  const { client } = bench.api;
  assert.equal(await runStep(saveSiteStep({ client }, []), bench.context), 'done');
  assert.deepEqual(await saved(binding.apiVersion, binding.kind), [name]);
  bench.api.remove('ClusterRoleBinding', name);
  const back = restoreSubjectsStep({ client }, PEOPLE_ELSEWHERE);
  assert.equal(await runStep(back, bench.context), 'done');
  assert.deepEqual(bench.api.get('ClusterRoleBinding', name)?.['subjects'], [ada]);
});

test('a stored version that is not served any more is saved as it is served; no definition, nothing', async () => {
  const versions = [version('v2alpha1'), version('v1', 'unserved', 'storage')];
  bench.api.put(definition('Project', ['run.ai', 'Cluster'], versions));
  bench.api.put(object('Project', 'team-a'));
  bench.api.put(object('AccessRule', 'ada'));
  assert.equal(await runStep(saveSiteStep({ client: bench.api.client }, []), bench.context), 'done');
  assert.deepEqual(await saved('run.ai/v2alpha1', 'Project'), ['team-a']);
  assert.deepEqual(await saved('run.ai/v1alpha1', 'AccessRule'), []);
});
