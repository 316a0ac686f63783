import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { CHOICES, type Choice, type Savings, USUAL } from '../../src/recovery/create-types.js';
import { type ScheduleRequest, scheduleObjects } from '../../src/recovery/schedule.js';
import { backupRights } from '../../src/recovery/schedule-rights.js';

const facts = {
  choices: new Set<Choice>(CHOICES),
  savings: USUAL as Savings,
  platform: 'kubernetes' as const,
  oldPrometheus: false,
  externalDatabase: false,
};
const request: ScheduleRequest = {
  ...facts,
  namespace: 'airgap-backup',
  cron: '15 2 * * *',
  image: 'registry.site:5000/postgresql:15',
  program: '/backups/airgap',
  claim: { size: '50Gi' },
  args: ['--recipient', 'age1x', '--keep', '14'],
};
const isUsage = (error: unknown): boolean => isAirgapError(error, 'USAGE');

/** `verb group/resource` of one place; of the whole cluster when none is named. */
function verbs(given: typeof facts, namespace?: string): string[] {
  const place = backupRights(given).find((rights) => rights.namespace === namespace);
  return (place?.rules ?? []).flatMap(({ verbs: all, apiGroups, resources }) =>
    all.map((verb) => `${verb} ${apiGroups[0]}/${resources[0]}`),
  );
}

describe('the least rights of a scheduled backup', () => {
  it('may change nothing but pods of its own, and reads secrets nowhere but with the product', () => {
    const places = backupRights(facts);
    for (const { namespace, rules } of places)
      for (const { verbs: all, resources } of rules) {
        assert.ok(!all.includes('*') && !resources.includes('*'));
        const changing = all.filter((verb) => !['get', 'list'].includes(verb));
        if (changing.length > 0)
          assert.ok(['pods', 'pods/exec'].includes(resources[0] ?? ''), `${resources}`);
        if (resources.includes('secrets'))
          assert.ok(['runai-backend', 'runai'].includes(namespace ?? ''), `secrets in ${namespace}`);
      }
  });

  it('gets no pod when the site saves the data itself', () => {
    const by = { by: 'the storage' };
    const savings: Savings = { database: by, metrics: by, prometheus: by };
    for (const place of ['runai-backend', 'runai'])
      assert.deepEqual(
        verbs({ ...facts, savings }, place).filter((word) => /pods/.test(word)),
        ['list /pods'],
      );
  });

  it('gets what snapshots, OpenShift and old releases need, and only then', () => {
    assert.ok(!verbs(facts).some((word) => word.includes('snapshot')));
    const savings: Savings = { ...USUAL, metrics: { way: 'snapshot' } };
    assert.ok(verbs({ ...facts, savings }).includes('get snapshot.storage.k8s.io/volumesnapshotcontents'));
    assert.ok(
      verbs({ ...facts, savings }, 'runai-backend').includes(
        'create snapshot.storage.k8s.io/volumesnapshots',
      ),
    );
    const openshift = { ...facts, platform: 'openshift' as never };
    assert.ok(verbs(openshift, 'runai-backend').includes('list route.openshift.io/routes'));
    assert.deepEqual(verbs(openshift, 'openshift-monitoring'), ['get /secrets']);
    assert.deepEqual(verbs(facts, 'openshift-monitoring'), []);
    assert.ok(
      verbs({ ...facts, oldPrometheus: true }, 'monitoring').includes('list /persistentvolumeclaims'),
    );
    assert.deepEqual(verbs(facts, 'monitoring'), []);
  });
});

describe('the CronJob', () => {
  const job = (given: ScheduleRequest) =>
    scheduleObjects(given).find(({ kind }) => kind === 'CronJob') as unknown as {
      spec: { jobTemplate: { spec: { template: { spec: Record<string, unknown> } } } };
    };

  it('runs backup create with what was chosen, as nobody in particular', () => {
    const { spec } = job(request).spec.jobTemplate.spec.template;
    const [container] = spec['containers'] as { command: string[] }[];
    assert.deepEqual(container?.command, [
      '/backups/airgap',
      'backup',
      'create',
      '--out',
      '/backups/',
      '--recipient',
      'age1x',
      '--keep',
      '14',
    ]);
    assert.equal((spec['securityContext'] as { runAsUser: number }).runAsUser, 1001);
    const openshift = job({ ...request, platform: 'openshift' }).spec.jobTemplate.spec.template.spec;
    assert.ok(!('runAsUser' in (openshift['securityContext'] as object)));
  });

  it('makes a claim only when none is named', () => {
    const kinds = (given: ScheduleRequest) => scheduleObjects(given).map(({ kind }) => kind);
    assert.ok(kinds(request).includes('PersistentVolumeClaim'));
    assert.ok(!kinds({ ...request, claim: { name: 'nfs' } }).includes('PersistentVolumeClaim'));
  });

  it('threat 129: never stops anything, and takes no schedule that is none', () => {
    for (const what of ['database', 'metrics'] as const)
      assert.throws(
        () => scheduleObjects({ ...request, savings: { ...USUAL, [what]: { way: 'cold-copy' } } }),
        isUsage,
      );
    for (const cron of ['daily', '15 2 * *', ''])
      assert.throws(() => scheduleObjects({ ...request, cron }), isUsage);
  });
});
