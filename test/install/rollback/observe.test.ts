import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { AirgapError } from '../../../src/errors.js';
import { observeRollback } from '../../../src/install/rollback/observe.js';
import { SITE_MARK, savedValuesName, uninstalledName } from '../../../src/install/saved-names.js';
import type { KubeObject } from '../../../src/kube/types.js';
import type { Action } from '../../../src/runai/steps/types.js';
import { type FakeApi, startFakeApi } from '../support/fake-api.js';
import { object, owned } from '../support/step.js';
import { originOf } from './support.js';

let api: FakeApi;
before(async () => {
  api = await startFakeApi();
  api.put(object('Namespace', 'kube-system'));
});
after(() => api.close());

/** The Secret that helm keeps a revision in. */
function record(release: string, chart: string, version: string): KubeObject {
  const body = {
    ...{ name: release, namespace: 'runai', version: 1, config: {} },
    manifest: JSON.stringify(object('ConfigMap', 'of-both', 'runai')),
    info: { status: 'deployed', description: '' },
    chart: { metadata: { name: chart, version }, values: {} },
  };
  const text = gzipSync(JSON.stringify(body)).toString('base64');
  return {
    ...object('Secret', `sh.helm.release.v1.${release}.v1`, 'runai', {
      type: 'helm.sh/release.v1',
      data: { release: Buffer.from(text).toString('base64') },
    }),
    metadata: {
      ...{ name: `sh.helm.release.v1.${release}.v1`, namespace: 'runai' },
      labels: { owner: 'helm', name: release, status: 'deployed', version: '1' },
    },
  };
}

const ACTIONS: readonly Action[] = [
  { kind: 'helm-uninstall', release: 'runai-operator', namespace: 'runai' },
  { kind: 'helm', role: 'cluster', release: 'runai-cluster', namespace: 'runai', settings: {} },
];

test('an upgrade from 2.3 or before: what was uninstalled is found under its own name, beside what came in its place', async () => {
  api.put(record('runai-cluster', 'runai-cluster', '2.13.66'));
  api.put(owned(object('ConfigMap', 'of-both', 'runai'), 'runai-cluster', 'runai'));
  const saved = {
    get: async (name: string) =>
      name === uninstalledName('runai-operator')
        ? Buffer.from(JSON.stringify([record('runai-operator', 'runai-operator', '2.3.1')]))
        : undefined,
  };
  for (const untouched of [[], ['helm']]) {
    const origin = { ...originOf(ACTIONS, { untouched }), saved };
    const { releases } = await observeRollback(api.client, origin, new AbortController().signal);
    const [found, ...more] = releases;
    assert.deepEqual(more, []);
    assert.deepEqual(
      [found?.release, found?.before?.chart.version, found?.recordGone, found?.live.revisions],
      ['runai-operator', '2.3.1', true, []],
    );
    const [newer] = found?.successor?.revisions ?? [];
    assert.equal(newer && 'chart' in newer && newer.chart.version, '2.13.66');
    assert.equal(found?.upgraded, untouched.length === 0);
    assert.ok(!found?.dryRun.some((one) => 'foreign' in one), 'what the newer one owns goes with it');
  }
});

const HELM: readonly Action[] = [
  { kind: 'save-site' },
  { kind: 'helm', role: 'cluster', release: 'runai-cluster', namespace: 'runai', settings: {} },
];

/** What another host finds of the run in the cluster. */
function holding(names: readonly string[]) {
  return { get: async (name: string) => (names.includes(name) ? Buffer.from('{}') : undefined) };
}

test('threat 94: a saved record that is not to be had here is not taken for none: nobody is told to uninstall', async () => {
  const { signal } = new AbortController();
  const look = (actions: readonly Action[], names: readonly string[], first = {}) => {
    const made = originOf(actions);
    const origin = { ...made, plan: { ...made.plan, ...first }, saved: holding(names) };
    return observeRollback(api.client, origin, signal);
  };
  const values = savedValuesName('runai-cluster');
  for (const [actions, names] of [
    [HELM, [SITE_MARK, values]],
    [HELM, []],
    [ACTIONS, [SITE_MARK]],
  ] as const)
    await assert.rejects(look(actions, names), (error: AirgapError) => {
      assert.equal(error.code, 'DECISION_NEEDED');
      assert.match(error.expected ?? '', /^saved\/helm\/runai-\w+\/\w+\.json in the folder of the run/);
      assert.match(error.hint, /^airgap rollback --run run-up, on the host that began the run$/);
      return true;
    });
  // Nothing was there before the run: nothing was saved.
  for (const first of [{}, { first: true as const }]) {
    const { releases } = await look(HELM, [SITE_MARK], first);
    assert.deepEqual([releases[0]?.before, releases[0]?.upgraded], [undefined, true]);
  }
});

test('threat 94: definitions that the run may have changed: a list that is absent is not an empty one', async () => {
  const { signal } = new AbortController();
  const look = async (names: Readonly<Record<string, string>>) => {
    const saved = {
      get: async (name: string) => (name in names ? Buffer.from(names[name] ?? '') : undefined),
    };
    const origin = { ...originOf([{ kind: 'crds' }]), saved };
    return (await observeRollback(api.client, origin, signal)).crds;
  };
  assert.deepEqual(await look({}), { back: [], stay: [], added: [], unknown: true });
  assert.deepEqual(await look({ 'crds/added.json': '["a.run.ai"]' }), {
    ...{ back: [], stay: [], added: ['a.run.ai'] },
  });
});
