import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { isAirgapError } from '../../src/errors.js';
import { CHOICES, type CreateOptions, type Savings, USUAL } from '../../src/recovery/create-types.js';
import { findVolumes } from '../../src/recovery/volume-find.js';
import { planVolumes } from '../../src/recovery/volume-plan.js';
import { type FakeApi, startFakeApi } from '../install/support/fake-api.js';
import { object } from '../install/support/step.js';

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi();
});
afterEach(() => api.close());

const signal = new AbortController().signal;
const claim = (namespace: string, name: string, mode = 'ReadWriteOnce') =>
  api.put(
    object('PersistentVolumeClaim', name, namespace, {
      spec: { accessModes: [mode], volumeName: `pv-${name}` },
    }),
  );
const pod = (namespace: string, name: string, claimName: string, more: Record<string, unknown> = {}) =>
  api.put(
    object('Pod', name, namespace, {
      spec: { nodeName: 'node-1', volumes: [{ persistentVolumeClaim: { claimName } }] },
      status: { phase: 'Running' },
      ...more,
    }),
  );
const find = async (values: unknown = {}, oldPrometheus = false) => {
  const { volumes, others } = await findVolumes(api.client, { values, oldPrometheus }, signal);
  return { volumes: volumes.map(({ purpose, claim: name, pod: by }) => [purpose, name, by]), others };
};

describe('the volumes of the product', () => {
  it('are found under the names of either era; the mounted one counts, the rest is named', async () => {
    claim('runai-backend', 'pvc-postgresql');
    claim('runai-backend', 'pvc-thanos-receive');
    claim('runai-backend', 'data-runai-backend-thanos-receive-0');
    claim('runai-backend', 'data-runai-backend-redis-queue-master-0');
    claim('runai', 'prometheus-runai-db-prometheus-runai-0');
    claim(
      'monitoring',
      'prometheus-runai-cluster-kube-prometh-prometheus-db-prometheus-runai-cluster-kube-prometh-prometheus-0',
    );
    pod('runai-backend', 'thanos', 'pvc-thanos-receive');
    pod('runai-backend', 'ended', 'data-runai-backend-thanos-receive-0', { status: { phase: 'Succeeded' } });
    const { volumes, others } = await find();
    assert.deepEqual(volumes, [
      ['metrics', 'pvc-thanos-receive', 'thanos'],
      ['database', 'pvc-postgresql', undefined],
      ['prometheus', 'prometheus-runai-db-prometheus-runai-0', undefined],
    ]);
    assert.deepEqual(others, [
      'runai-backend/data-runai-backend-thanos-receive-0',
      'runai-backend/data-runai-backend-redis-queue-master-0',
    ]);
    assert.equal((await find({}, true)).volumes.length, 4, 'charts up to 2.8 bring a Prometheus elsewhere');
  });

  it('are those that the values name, when they name any', async () => {
    claim('runai-backend', 'mine');
    claim('runai-backend', 'data-runai-backend-postgresql-0');
    const { volumes } = await find({ postgresql: { primary: { persistence: { existingClaim: 'mine' } } } });
    assert.deepEqual(volumes, [['database', 'mine', undefined]]);
  });

  it('threat 132: one that lets no second pod in is refused before anything is written', async () => {
    claim('runai-backend', 'data-runai-backend-thanos-receive-0', 'ReadWriteOncePod');
    const plan = (savings: Savings = USUAL) =>
      planVolumes({ values: {}, oldPrometheus: false }, {
        client: api.client,
        choices: new Set(CHOICES),
        savings,
        signal,
      } as unknown as CreateOptions);
    assert.equal((await plan()).volumes.length, 1, 'nobody has it mounted');
    pod('runai-backend', 'thanos', 'data-runai-backend-thanos-receive-0');
    await assert.rejects(
      plan(),
      (error) => isAirgapError(error, 'BACKUP_FAILED') && /snapshot/.test(error.hint),
    );
    assert.equal((await plan({ ...USUAL, metrics: { by: 'vendor X' } })).volumes.length, 1);
  });
});
