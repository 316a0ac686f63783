import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { oldName, sideName } from '../../src/recovery/database-names.js';
import { makeRestorePlan, type RestoreFacts, restoreActionOf } from '../../src/recovery/plan.js';
import { RESTORE_CHOICES } from '../../src/recovery/restore-types.js';
import { checkPlan } from '../../src/run/plan.js';

const chart = (role: 'control-plane' | 'cluster' | 'prerequisite', release: string, namespace: string) => ({
  chart: {
    role,
    release,
    namespace,
    name: release,
    version: '2.13.66',
    path: `${release}.tgz`,
    imageValues: {},
  },
  chartSha: 'a'.repeat(64),
  valuesSha: 'b'.repeat(64),
});

const FACTS: RestoreFacts = {
  backupId: 'c'.repeat(64),
  bundleId: 'd'.repeat(64),
  clusterUid: 'uid',
  context: 'site',
  choices: new Set(RESTORE_CHOICES),
  replace: false,
  registry: { text: 'registry.test', plainHttp: false },
  releases: [
    chart('control-plane', 'runai-backend', 'runai-backend'),
    chart('cluster', 'runai-cluster', 'runai'),
  ],
  hasCrds: true,
  databases: [{ name: 'backend', part: 'database/backend.dump', format: 'custom', tables: [] }],
  volumes: [
    { claim: 'c', namespace: 'runai-backend', purpose: 'metrics', method: 'copy', part: 'volumes/c.tar' },
  ],
  pullSecrets: [],
  rebinds: [],
  snapshots: [],
  rewrite: {},
  leave: [],
  roles: new Set(['runaiconfig', 'project-namespaces', 'ingress']),
  helperImage: 'registry.test/postgresql:15',
};
const ids = (facts: RestoreFacts): string[] => makeRestorePlan(facts).steps.map(({ id }) => id);

describe('the plan of a restore', () => {
  it('threat 135: on an empty cluster, in this order', () => {
    assert.deepEqual(ids(FACTS), [
      'push',
      'apply:namespaces',
      'apply:secrets',
      'volume:runai-backend/c',
      'helm:runai-backend',
      'wait:runai-backend',
      'database:roles',
      'database:backend',
      'swap',
      'wait:runai-backend:restored',
      'drop:backend',
      'crds',
      'helm:runai-cluster',
      'wait:runai',
      'apply:config',
      'apply:rbac',
      'apply:ingress',
    ]);
    checkPlan(makeRestorePlan(FACTS));
  });

  it('threat 135: a database on the customer’s server comes before what works with it, and keeps what was there', () => {
    const external = { ...FACTS, externalDatabase: 'db1:5432' };
    const order = (facts: RestoreFacts): string[] =>
      ids(facts).filter((id) => /^(push|database|swap|drop|wait:runai-backend|helm:runai-backend)/.test(id));
    const first = ['push', 'database:access', 'database:roles', 'database:backend', 'swap'];
    assert.deepEqual(order(external), [...first, 'helm:runai-backend', 'wait:runai-backend']);
    assert.deepEqual(order({ ...external, replace: true }).slice(0, 5), first);
    const alone = { ...external, replace: true, choices: new Set(['database' as const]), volumes: [] };
    assert.deepEqual(order(alone), [...first, 'wait:runai-backend:restored']);
    const titles = makeRestorePlan(external).steps.map(({ title }) => title);
    assert.equal(titles.filter((title) => title.includes('db1:5432')).length, 4);
  });

  it('threat 135: what the product needs comes before it, claims before what mounts them', () => {
    const ingress = chart('prerequisite', 'haproxy', 'haproxy');
    const rebind = { namespace: 'runai-backend', claim: 'd', volume: 'pv-1', volumeUid: 'u' };
    const facts = {
      ...FACTS,
      releases: [...FACTS.releases, ingress],
      rebinds: [rebind],
      pullSecrets: ['runai'],
    };
    assert.deepEqual(ids(facts).slice(0, 10), [
      'push',
      'namespaces:prerequisites',
      'prerequisite:haproxy',
      'wait:haproxy',
      'apply:namespaces',
      'apply:secrets',
      'pull-secret:runai',
      'rebind:runai-backend/d',
      'volume:runai-backend/c',
      'helm:runai-backend',
    ]);
    checkPlan(makeRestorePlan(facts));
  });

  it('threat 127: replacing saves first, restores beside what runs, and keeps the old database', () => {
    const plan = makeRestorePlan({ ...FACTS, replace: true });
    const steps = plan.steps.map(({ id }) => id);
    assert.equal(steps[0], 'safety-backup');
    assert.ok(steps.indexOf('database:backend') < steps.indexOf('swap'));
    assert.ok(steps.indexOf('swap') < steps.indexOf('volume:runai-backend/c'));
    assert.equal(
      steps.some((id) => id.startsWith('drop:')),
      false,
    );
    const destructive = plan.steps.filter((step) => step.destructive);
    assert.deepEqual(
      destructive.map(({ id, saves, undoneBy }) => [id, saves.length > 0, undoneBy !== undefined]),
      [
        ['swap', true, true],
        ['volume:runai-backend/c', true, true],
      ],
    );
    checkPlan(plan);
  });

  it('threat 129: users are without the product within single steps only', () => {
    for (const replace of [false, true]) {
      const outages = makeRestorePlan({ ...FACTS, replace }).steps.flatMap(({ outage }) => outage ?? []);
      assert.deepEqual(new Set(outages), new Set(['within']));
    }
  });

  it('threat 130: other names and secrets that stay are in the steps, so that a run that goes on keeps them', () => {
    const rewrite = { domain: { from: 'a.test', to: 'b.test' } };
    const { steps } = makeRestorePlan({ ...FACTS, rewrite, leave: ['runai/x'] });
    const action = (id: string) => restoreActionOf(steps.find((step) => step.id === id) ?? assert.fail(id));
    assert.deepEqual(action('apply:secrets'), { kind: 'apply', roles: ['secrets'], leave: ['runai/x'] });
    assert.deepEqual(action('apply:ingress'), { kind: 'apply', roles: ['ingress'], rewrite });
  });

  it('takes only what was chosen', () => {
    const rbac = ids({ ...FACTS, choices: new Set(['rbac']), databases: [], volumes: [] });
    assert.deepEqual(rbac, ['apply:namespaces', 'apply:rbac']);
  });

  it('gives odd names of databases ids of their own, and side names that PostgreSQL does not cut', () => {
    const database = (name: string) => ({ name, part: 'p', format: 'custom' as const, tables: [] });
    const facts = { ...FACTS, databases: [database('a b'), database('a_b'), database('a/b')] };
    checkPlan(makeRestorePlan(facts));
    const long = 'ü'.repeat(31);
    for (const name of [sideName(long), oldName(long)]) assert.ok(Buffer.byteLength(name) <= 63);
    assert.notEqual(sideName(long), oldName(long));
    const swap = makeRestorePlan(facts).steps.find(({ id }) => id === 'swap');
    assert.deepEqual(swap && restoreActionOf(swap), { kind: 'swap', databases: ['a b', 'a_b', 'a/b'] });
  });
});
