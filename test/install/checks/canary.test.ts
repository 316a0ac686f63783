import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CanaryFacts } from '../../../src/install/canary.js';
import { canaryPod } from '../../../src/install/canary-pod.js';
import { judgeCanaries } from '../../../src/install/checks/canary.js';
import { object } from './support.js';

const facts = (state: object | undefined, more: Partial<CanaryFacts> = {}): CanaryFacts => ({
  node: 'n1',
  arch: 'amd64',
  image: 'reg/x:1',
  ...(state === undefined
    ? {}
    : {
        pod: object('Pod', 'airgap-canary-1', {
          spec: { nodeName: 'n1' },
          status: { containerStatuses: [{ state }] },
        }),
      }),
  ...more,
});
const judge = (...all: CanaryFacts[]) =>
  judgeCanaries(all, 'runai.test').map(({ id, outcome }) => [id, outcome]);

test('the pull passes whatever the program does afterwards; DNS by its exit code', () => {
  const pulled = ['registry.pull', 'pass'];
  assert.deepEqual(judge(facts({ terminated: { exitCode: 0 } })), [pulled, ['domain.dns-in-pod', 'pass']]);
  assert.deepEqual(judge(facts({ terminated: { exitCode: 2 } })), [pulled, ['domain.dns-in-pod', 'fail']]);
  for (const state of [
    { terminated: { exitCode: 128, reason: 'StartError' } },
    { waiting: { reason: 'CreateContainerError' } },
  ])
    assert.deepEqual(judge(facts(state)), [pulled, ['domain.dns-in-pod', 'not-checked']]);
});

test('threat 108: a pull that fails, a pod that is refused or never placed', () => {
  for (const reason of ['ErrImagePull', 'ImagePullBackOff'])
    assert.deepEqual(judge(facts({ waiting: { reason, message: 'x509: unknown authority' } })), [
      ['registry.pull', 'fail'],
    ]);
  assert.deepEqual(judge(facts(undefined, { refused: 'exceeded quota' })), [['registry.pull', 'fail']]);
  const unplaced = object('Pod', 'c', {
    spec: {},
    status: { conditions: [{ type: 'PodScheduled', message: '0/1 nodes are available' }] },
  });
  const [finding] = judgeCanaries([facts(undefined, { pod: unplaced })], undefined);
  assert.equal(finding?.outcome, 'fail');
  assert.match(finding?.seen ?? '', /n1 did not take the pod: 0\/1 nodes are available/);
  assert.deepEqual(judge(), [['registry.pull', 'fail']]);
});

test('threat 108: one node of several is enough to fail, and is named; a slow one warns', () => {
  const good = facts({ terminated: { exitCode: 0 } });
  const bad = { waiting: { reason: 'ErrImagePull', message: 'connection refused' } };
  const [finding] = judgeCanaries([good, facts(bad, { node: 'n2' })], undefined);
  assert.equal(finding?.outcome, 'fail');
  assert.match(
    finding?.seen ?? '',
    /^1 of 2 nodes pulled reg\/x:1; n2 cannot pull reg\/x:1: connection refused$/,
  );
  const slow = facts({ waiting: { reason: 'ContainerCreating' } }, { node: 'n2' });
  assert.equal(judgeCanaries([good, slow], undefined)[0]?.outcome, 'warn');
});

test('the pod asks for no rights, and its name of the domain is no shell text', () => {
  const made = canaryPod({
    name: 'c',
    namespace: 'n',
    image: 'i',
    node: 'n1',
    pullSecrets: ['runai-reg-creds'],
    domain: '$(reboot)',
  }) as never as {
    spec: {
      containers: { command: string[] }[];
      imagePullSecrets: unknown[];
      automountServiceAccountToken: boolean;
    };
  };
  assert.deepEqual(made.spec.imagePullSecrets, [{ name: 'runai-reg-creds' }]);
  assert.equal(made.spec.automountServiceAccountToken, false);
  const [, , script, , argument] = made.spec.containers[0]?.command ?? [];
  assert.ok(!script?.includes('reboot'));
  assert.equal(argument, '$(reboot)');
});
