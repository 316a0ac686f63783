import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { RUN_LABEL } from '../../../src/helm/fingerprint.js';
import { helmStep } from '../../../src/install/steps/helm.js';
import type { Work } from '../../../src/install/steps/types.js';
import { type Bench, makeBench, object } from '../support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

const NOW = Date.UTC(2026, 10, 21, 12);
const TARGET = { release: 'runai-cluster', namespace: 'runai', chartSha: 'c', valuesSha: 'v' };

/** A revision of this very run that its helm never ended. */
function pending(minutesAgo: number) {
  const release = {
    name: TARGET.release,
    namespace: TARGET.namespace,
    version: 1,
    info: {
      status: 'pending-install',
      description: '',
      last_deployed: new Date(NOW - minutesAgo * 60_000).toISOString(),
    },
    chart: { metadata: { name: 'runai-cluster', version: '2.13.66' }, values: {} },
    config: {},
    manifest: '',
  };
  const text = gzipSync(JSON.stringify(release)).toString('base64');
  bench.api.put(
    object('Secret', `sh.helm.release.v1.${TARGET.release}.v1`, TARGET.namespace, {
      metadata: {
        labels: {
          owner: 'helm',
          name: TARGET.release,
          version: '1',
          status: 'pending-install',
          [RUN_LABEL]: bench.context.runId,
        },
      },
      type: 'helm.sh/release.v1',
      data: { release: Buffer.from(text).toString('base64') },
    }),
  );
}

const step = (begunElsewhere: boolean) =>
  helmStep(
    {
      client: bench.api.client,
      limits: { health: 2000, helm: 600_000 },
      begunElsewhere,
      now: () => NOW,
      results: { health: new Map(), revisions: new Map() },
    } as unknown as Work,
    TARGET,
  );

test('threat 109: our own pending release of another host, younger than helm may take: its helm may be at work', async () => {
  pending(3);
  await assert.rejects(step(true).observe(bench.context), (error: { code: string; exitStatus: number }) => {
    assert.equal(error.code, 'LOCKED');
    assert.equal(error.exitStatus, 9);
    return true;
  });
  assert.equal(
    (await step(false).observe(bench.context)).state,
    'ready',
    'here nobody would be at work unseen',
  );
});

test('threat 109: older than helm may take: it is marked and gone on with', async () => {
  pending(11);
  assert.deepEqual(await step(true).observe(bench.context), {
    state: 'ready',
    detail: 'revision 1 was left pending-install',
  });
});
