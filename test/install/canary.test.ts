import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { flyCanaries } from '../../src/install/canary.js';
import { judgeCanaries } from '../../src/install/checks/canary.js';
import { type Bench, makeBench, object } from './support/step.js';

let bench: Bench;
beforeEach(async () => {
  bench = await makeBench();
});
afterEach(() => bench.close());

const NS = 'runai';
const POD = 'airgap-canary-x-0';
const IMAGE = 'registry.test/agent:1';
const NODE = object('Node', 'one', undefined, {
  metadata: { labels: { 'kubernetes.io/arch': 'amd64' } },
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    nodeInfo: { architecture: 'amd64', operatingSystem: 'linux' },
  },
});
const FAILED = { waiting: { reason: 'ImagePullBackOff', message: '401 Unauthorized' } };

/** A kubelet: what it says of the pod, one state after the other. */
function kubelet(states: readonly unknown[], every: number): void {
  let begun = false;
  bench.api.onChange = (api) => {
    const pod = api.get('Pod', POD, NS);
    if (pod === undefined || begun) return;
    begun = true;
    states.forEach((state, index) => {
      setTimeout(() => {
        const live = api.get('Pod', POD, NS);
        if (live) api.put({ ...live, status: { containerStatuses: [{ name: 'canary', state }] } });
      }, index * every);
    });
  };
}

async function fly(timeout: number) {
  const facts = await flyCanaries({
    client: bench.api.client,
    nodes: [NODE],
    namespace: NS,
    images: new Map([['amd64', IMAGE]]),
    pullSecrets: [],
    token: 'airgap-canary-x',
    timeout,
    signal: new AbortController().signal,
  });
  return judgeCanaries(facts, undefined).map(({ outcome, seen }) => `${outcome}: ${seen}`);
}

test('threat 108: a pull that fails once and then works is no fault', async () => {
  kubelet([FAILED, { running: {} }, { terminated: { exitCode: 0 } }], 700);
  assert.deepEqual(await fly(10_000), [`pass: 1 of 1 nodes pulled ${IMAGE}`]);
  assert.equal(bench.api.get('Pod', POD, NS), undefined, 'and the pod is taken away');
});

test('threat 108: one that goes on failing is a fault', async () => {
  kubelet([FAILED], 0);
  const [found = ''] = await fly(1500);
  assert.match(found, /^fail: 0 of 1 nodes pulled .*401 Unauthorized/);
});
