import assert from 'node:assert/strict';
import { test } from 'node:test';
import { removeLeftHelpers } from '../../src/recovery/left-helpers.js';
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
