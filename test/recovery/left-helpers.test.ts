import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { labelling, removeLeftHelpers } from '../../src/recovery/left-helpers.js';
import type { RestoreOptions } from '../../src/recovery/restore-types.js';
import { takeSafetyBackup } from '../../src/recovery/safety-backup.js';
import { makeBench, object } from '../install/support/step.js';

test('threat 129: pods of ours that have a claim go, and no others', async (t) => {
  const { api, context, guards, close } = await makeBench();
  t.after(close);
  const pod = (
    name: string,
    claimName: string,
    labels: Record<string, string> = { 'airgap/helper': 'true' },
  ) =>
    api.put(
      object('Pod', name, 'n', {
        metadata: { labels },
        spec: { volumes: [{ name: 'v', persistentVolumeClaim: { claimName } }] },
        status: { phase: 'Running' },
      }),
    );
  pod('ours', 'data');
  pod('of-another-claim', 'other');
  pod('the-product', 'data', {});
  await removeLeftHelpers(api.client, { namespace: 'n', claim: 'data' }, context);
  assert.deepEqual(
    ['ours', 'of-another-claim', 'the-product'].map((name) => api.get('Pod', name, 'n') !== undefined),
    [false, true, true],
  );
  assert.equal(guards(), 1, 'the lease is looked at first');
});

test('threat 129: a safety backup first removes the pods that an attempt of its run left, and those alone', async (t) => {
  const { api, context, close } = await makeBench();
  t.after(close);
  for (const runId of ['run-1', 'run-2']) {
    const mine = labelling(api.client, runId);
    await mine.create(
      object('Pod', `of-${runId}`, 'n', { metadata: { labels: { 'airgap/helper': 'true' } } }),
    );
    await mine.create(object('ConfigMap', `of-${runId}`, 'n'));
  }
  const { labels } = api.get('Pod', 'of-run-1', 'n')?.metadata ?? {};
  assert.deepEqual(labels, { 'airgap/helper': 'true', 'airgap/run': 'run-1' });
  assert.equal(api.get('ConfigMap', 'of-run-1', 'n')?.metadata.labels, undefined);
  const options = {
    installer: { client: api.client },
    clock: { now: () => 0 },
    random: (size: number) => Buffer.alloc(size),
    emit: () => {},
    env: {},
    toolVersion: '0.1.0',
    signal: context.signal,
  } as unknown as RestoreOptions;
  // Without a product there is nothing to save.
  const folder = join(context.runFolder, 'run');
  await assert.rejects(takeSafetyBackup({ folder, runId: context.runId }, options));
  assert.equal(api.get('Pod', 'of-run-1', 'n'), undefined);
  assert.ok(api.get('Pod', 'of-run-2', 'n'));
});
