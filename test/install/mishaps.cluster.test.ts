import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Ran, startNode, type TestNode } from './support/node.js';
import { IDENTITY } from './upgrade/table.js';

const wanted = process.env['AIRGAP_CLUSTER_TESTS'] === '1';
if (!wanted) console.error('SKIPPED: mishaps on the test node, because AIRGAP_CLUSTER_TESTS is not 1');

/** Refuses what helm changes in the cluster part's namespace; pods and the lease are not asked about. */
const POLICY = `
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: { name: no-changes }
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - { apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments] }
    namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: runai } }
  validations:
    - { expression: "false", message: the change freeze of this site }
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: { name: no-changes }
spec: { policyName: no-changes, validationActions: [Deny] }
`;

describe('mishaps in the middle of an upgrade', { skip: !wanted, timeout: 900_000 }, () => {
  let site: TestNode;
  let first = '';
  let second = '';

  const ended = (ran: Ran, status: number): Ran => {
    assert.equal(ran.status, status, `${ran.out}\n${ran.err}`);
    return ran;
  };
  const revisions = (): Record<string, string> =>
    Object.fromEntries(
      (
        JSON.parse(site.must('exec', 'helm', 'list', '-A', '-a', '-o', 'json')) as Record<string, string>[]
      ).map(({ name = '', chart, status, revision }) => [name, `${chart} ${status} ${revision}`]),
    );
  const status = async (): Promise<string> => (await site.airgap('status')).out;

  before(async () => {
    site = startNode('mishaps');
    first = site.bundle('2.13.66');
    second = site.bundle('2.16.79');
    const flags = [
      '--registry',
      site.registry,
      '--plain-http',
      '--domain',
      'runai.test',
      '--yes',
      '--no-canary',
    ];
    ended(await site.airgap('install', first, ...flags), 0);
  });
  after(() => site?.down());

  it('threat 115: the cluster chart fails after the control plane: the record shows the skew, and it goes on at release 2', async () => {
    const file = join(site.folder, 'policy.yaml');
    writeFileSync(file, POLICY);
    const running = site.start(['install', second, '--yes', '--no-canary', ...IDENTITY]);
    await Promise.race([running.said(/\[helm:runai-backend\].*start/), running.ended]);
    site.kubectl('apply', '-f', file);
    const { err } = ended(await running.ended, 6);
    assert.match(err, /error HELM_FAILED[\s\S]*change freeze/);
    const half = revisions();
    assert.match(half['runai-backend'] ?? '', /control-plane-2\.16\.79 deployed 2/);
    assert.match(half['runai-cluster'] ?? '', /failed 2/);
    const shown = await status();
    assert.match(
      shown,
      /versions: the control plane is 2\.16\.79 and the cluster part still 2\.13\.66: allowed/,
    );
    assert.match(shown, /to do: mend the cause, then: airgap install \S+; or go back: airgap rollback --run/);
    assert.match(shown, /safe to run the same command again: yes/);
    const page = readFileSync(/report {2}(\S+)/.exec(shown)?.[1] ?? '', 'utf8');
    assert.match(page, /Why it stopped[\s\S]*change freeze/);
    site.kubectl('delete', '-f', file);
    const resumed = ended(await site.airgap('install', second, '--yes', '--no-canary', ...IDENTITY), 0);
    assert.doesNotMatch(resumed.err, /\[helm:runai-backend\].*start/);
    const now = revisions();
    assert.equal(now['runai-backend'], half['runai-backend'], 'the control plane was left alone');
    assert.match(now['runai-cluster'] ?? '', /runai-cluster-2\.16\.79 deployed 3/);
    assert.doesNotMatch(await status(), /versions:/);
  });

  it('threat 117: the node is drained in the middle: the run waits, says why, and goes on when the node is back', async () => {
    const args = ['install', second, '--yes', '--no-canary', '--backend-set', 'backend.logLevel=debug'];
    const running = site.start([...args, '--timeout', '25s']);
    await Promise.race([running.said(/\[helm:runai-backend\].*start/), running.ended]);
    const [node = ''] = site.kubectl('get', 'nodes', '-o', 'name').split('\n');
    const drain = ['--ignore-daemonsets', '--delete-emptydir-data', '--force', '--disable-eviction'];
    site.kubectl('drain', node, ...drain, '--grace-period=1', '--timeout=60s');
    const { err } = ended(await running.ended, 6);
    assert.match(err, /error NOT_HEALTHY[\s\S]*unschedulable/);
    assert.match(await status(), /install, failed[\s\S]*safe to run the same command again: yes/);
    const before = revisions();
    site.kubectl('uncordon', node);
    ended(await site.airgap('install', second, '--yes', '--no-canary', '--timeout', '4m'), 0);
    assert.deepEqual(revisions(), before, 'what helm had done was not done again');
    const pods = site.kubectl('get', 'pods', '-A', '-o', 'jsonpath={.items[*].status.phase}').split(' ');
    assert.ok(
      pods.length > 5 && pods.every((phase) => phase === 'Running' || phase === 'Succeeded'),
      pods.join(' '),
    );
  });
});
