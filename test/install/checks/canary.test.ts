import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canaryPod, judgeCanary } from '../../../src/install/checks/canary.js';
import { object } from './support.js';

const pod = (state: object) =>
  object('Pod', 'airgap-canary-1', { spec: { nodeName: 'n1' }, status: { containerStatuses: [{ state }] } });
const judge = (state: object | undefined, more: object = {}) =>
  judgeCanary({
    arch: 'amd64',
    image: 'reg/x:1',
    domain: 'runai.test',
    ...(state === undefined ? {} : { pod: pod(state) }),
    ...more,
  }).map(({ id, outcome }) => [id, outcome]);

test('the pull passes whatever the program does afterwards; DNS by its exit code', () => {
  const pulled = ['registry.pull.amd64', 'pass'];
  assert.deepEqual(judge({ terminated: { exitCode: 0 } }), [pulled, ['domain.dns-in-pod', 'pass']]);
  assert.deepEqual(judge({ terminated: { exitCode: 2 } }), [pulled, ['domain.dns-in-pod', 'fail']]);
  for (const state of [
    { terminated: { exitCode: 128, reason: 'StartError' } },
    { waiting: { reason: 'CreateContainerError' } },
  ])
    assert.deepEqual(judge(state), [pulled, ['domain.dns-in-pod', 'not-checked']]);
});

test('threat 108: a pull that fails, a pod that is refused or never placed', () => {
  for (const reason of ['ErrImagePull', 'ImagePullBackOff'])
    assert.deepEqual(judge({ waiting: { reason, message: 'x509: unknown authority' } }), [
      ['registry.pull.amd64', 'fail'],
    ]);
  assert.deepEqual(judge(undefined, { refused: 'exceeded quota' }), [['registry.pull.amd64', 'fail']]);
  assert.deepEqual(judge(undefined), [['registry.pull.amd64', 'fail']]);
  assert.deepEqual(judge({ waiting: { reason: 'ContainerCreating' } }), [['registry.pull.amd64', 'warn']]);
});

test('the pod asks for no rights, and its name of the domain is no shell text', () => {
  const made = canaryPod({
    name: 'c',
    namespace: 'n',
    image: 'i',
    arch: 'arm64',
    login: true,
    domain: '$(reboot)',
  }) as never as { spec: { containers: { command: string[] }[]; imagePullSecrets: unknown[] } };
  assert.deepEqual(made.spec.imagePullSecrets, [{ name: 'runai-reg-creds' }]);
  const [, , script, , argument] = made.spec.containers[0]?.command ?? [];
  assert.ok(!script?.includes('reboot'));
  assert.equal(argument, '$(reboot)');
});
