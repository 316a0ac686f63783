import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  makeRestorePlan,
  oldName,
  type RestoreFacts,
  restoreActionOf,
  sideName,
} from '../../src/recovery/plan.js';
import { RESTORE_CHOICES } from '../../src/recovery/restore-types.js';
import { checkPlan } from '../../src/run/plan.js';

const chart = (role: 'control-plane' | 'cluster', release: string, namespace: string) => ({
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
      'writers:stop',
      'database:roles',
      'database:backend',
      'swap:backend',
      'drop:backend',
      'writers:start',
      'wait:runai-backend:restored',
      'crds',
      'helm:runai-cluster',
      'wait:runai',
      'apply:config',
      'apply:rbac',
      'apply:ingress',
    ]);
    checkPlan(makeRestorePlan(FACTS));
  });

  it('threat 127: replacing saves first, stops what uses the volume, and keeps the old database', () => {
    const steps = ids({ ...FACTS, replace: true });
    assert.equal(steps[0], 'safety-backup');
    assert.ok(steps.indexOf('writers:stop') < steps.indexOf('volume:runai-backend/c'));
    assert.ok(steps.indexOf('volume:runai-backend/c') < steps.indexOf('writers:start'));
    assert.equal(
      steps.some((id) => id.startsWith('drop:')),
      false,
    );
    checkPlan(makeRestorePlan({ ...FACTS, replace: true }));
  });

  it('takes only what was chosen, and no volume that the site saves itself', () => {
    const rbac = ids({ ...FACTS, choices: new Set(['rbac']) });
    assert.deepEqual(rbac, ['apply:namespaces', 'apply:rbac']);
    const volumes = [{ claim: 'c', namespace: 'n', purpose: 'metrics', method: 'site' as const, by: 'x' }];
    assert.equal(
      ids({ ...FACTS, volumes }).some((id) => id.startsWith('volume:')),
      false,
    );
  });

  it('gives odd names of databases ids of their own, and side names that PostgreSQL does not cut', () => {
    const database = (name: string) => ({ name, part: 'p', format: 'custom' as const, tables: [] });
    const facts = { ...FACTS, databases: [database('a b'), database('a_b'), database('a/b')] };
    checkPlan(makeRestorePlan(facts));
    const long = 'ü'.repeat(31);
    for (const name of [sideName(long), oldName(long)]) assert.ok(Buffer.byteLength(name) <= 63);
    assert.notEqual(sideName(long), oldName(long));
    const swap = makeRestorePlan(facts).steps.find(({ id }) => id === 'swap:a_b');
    assert.deepEqual(swap && restoreActionOf(swap), { kind: 'swap', database: 'a_b' });
  });
});
