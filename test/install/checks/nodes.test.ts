import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeNodes, nodeFacts } from '../../../src/install/checks/nodes.js';
import { parseQuantity } from '../../../src/kube/quantity.js';
import { version } from '../../runai/facts.js';
import { object } from './support.js';

const node = (name: string, more: Record<string, unknown> = {}, labels: Record<string, string> = {}) =>
  nodeFacts(
    object('Node', name, {
      metadata: { labels: { 'kubernetes.io/arch': 'amd64', ...labels } },
      status: {
        allocatable: { cpu: '16', memory: '64Gi', 'ephemeral-storage': '200Gi' },
        conditions: [{ type: 'Ready', status: 'True' }],
      },
      ...more,
    }),
  );
const judge = (nodes: ReturnType<typeof node>[], release = '2.13.66') =>
  new Map(
    judgeNodes(nodes, { release: version(release), controlPlane: true, cluster: true }).map((one) => [
      one.id,
      one,
    ]),
  );
const status = (allocatable: object, conditions: object[] = [{ type: 'Ready', status: 'True' }]) => ({
  status: { allocatable, conditions },
});

test('a good node passes every row', () => {
  for (const finding of judge([node('a')]).values()) assert.equal(finding.outcome, 'pass', finding.id);
});

test('not ready, cordoned, under pressure: fails when no node is left, else warns', () => {
  const down = node('down', status({ cpu: '8', memory: '32Gi' }, [{ type: 'Ready', status: 'Unknown' }]));
  const full = node(
    'full',
    status({}, [
      { type: 'Ready', status: 'True' },
      { type: 'DiskPressure', status: 'True' },
    ]),
  );
  const cordoned = node('cordoned', { spec: { unschedulable: true } });
  const all = judge([down, full, cordoned]).get('nodes.ready');
  assert.equal(all?.outcome, 'fail');
  assert.match(all?.seen ?? '', /down: not ready; full: DiskPressure; cordoned: cordoned/);
  assert.equal(judge([down, node('a')]).get('nodes.ready')?.outcome, 'warn');
  assert.equal(judge([]).get('nodes.ready')?.outcome, 'fail');
});

test('a small node warns with what the release asks for; an unknown release says so', () => {
  const small = node('small', status({ cpu: '2', memory: '24Gi', 'ephemeral-storage': '90G' }));
  const found = judge([small]).get('nodes.size');
  assert.equal(found?.outcome, 'warn');
  assert.match(found?.expected ?? '', /8 cores, 16 GB of memory, 50 GB of disk/);
  assert.match(judge([small], '2.18.1').get('nodes.size')?.expected ?? '', /18 cores, 28 GB/);
  assert.match(judge([node('a')], '2.23.1').get('nodes.size')?.seen ?? '', /no text names the size for 2.23/);
});

test('labels: roles without a system node, the role on a control-plane node', () => {
  const cpu = { 'node-role.kubernetes.io/runai-cpu-worker': 'true' };
  assert.equal(judge([node('a', {}, cpu)]).get('nodes.labels')?.outcome, 'warn');
  const master = {
    'node-role.kubernetes.io/control-plane': '',
    'node-role.kubernetes.io/runai-system': 'true',
  };
  const found = judge([node('m', {}, master), node('b')]).get('nodes.labels');
  assert.match(found?.seen ?? '', /m is a control-plane node/);
});

test('the control plane of 2.18 and later needs an amd64 node', () => {
  const arm = node('arm', {}, { 'kubernetes.io/arch': 'arm64' });
  assert.equal(judge([arm], '2.18.1').get('nodes.architecture')?.outcome, 'fail');
  assert.equal(judge([arm, node('a')], '2.18.1').get('nodes.architecture')?.outcome, 'pass');
  assert.equal(judge([arm], '2.17.1').get('nodes.architecture'), undefined);
});

test('quantities', () => {
  const rows: [unknown, number | undefined][] = [
    ['500m', 0.5],
    ['16Gi', 16 * 2 ** 30],
    ['1e3', 1000],
    ['2', 2],
    [4, 4],
    ['1k', 1000],
    ['', undefined],
    ['12 GB', undefined],
    [undefined, undefined],
  ];
  for (const [text, want] of rows) assert.equal(parseQuantity(text), want, String(text));
});
