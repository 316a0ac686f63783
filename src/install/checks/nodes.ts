import { parseQuantity } from '../../kube/quantity.js';
import type { KubeObject } from '../../kube/types.js';
import { CONTROL_PLANE_EXTRA, NODE_LABELS } from '../../runai/prerequisites.js';
import { formatMinor, isAtLeast, type Version } from '../../runai/version.js';
import { windowOf } from '../../runai/windows.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check, Row } from './types.js';

const READY: Row = { id: 'nodes.ready', title: 'nodes are ready' };
const SIZE: Row = { id: 'nodes.size', title: 'size of the system node' };
const LABELS: Row = { id: 'nodes.labels', title: 'labels of the nodes' };
const ARCH: Row = { id: 'nodes.architecture', title: 'architecture of the nodes' };
const PRESSURES = ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'NetworkUnavailable'];
const MASTER = /^node-role\.kubernetes\.io\/(master|control-plane)$/;
const GB = 1e9;

/** A node, reduced to what decides. */
export interface NodeFacts {
  readonly name: string;
  readonly ready: boolean;
  readonly unschedulable: boolean;
  readonly pressures: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly string[];
  /** Cores, bytes of memory, bytes of disk that pods may use. */
  readonly cores: number;
  readonly memory: number;
  readonly disk: number;
  readonly arch: string;
}

export interface NodeNeeds {
  readonly release?: Version;
  readonly controlPlane: boolean;
  readonly cluster: boolean;
}

export const nodesCheck: Check = {
  row: READY,
  run: async (context) => {
    const nodes = (await context.nodes()).map(nodeFacts);
    const roles = context.bundle.manifest.charts.map(({ role }) => role);
    return judgeNodes(nodes, {
      controlPlane: roles.includes('control-plane'),
      cluster: roles.includes('cluster'),
      ...(context.release === undefined ? {} : { release: context.release }),
    });
  },
};

/** What the node's own status says. */
export function nodeFacts(node: KubeObject): NodeFacts {
  const conditions = listAt(node, ['status', 'conditions']);
  const isTrue = (type: string): boolean =>
    conditions.some((one) => valueAt(one, ['type']) === type && valueAt(one, ['status']) === 'True');
  const size = (name: string): number =>
    parseQuantity(valueAt(node, ['status', 'allocatable', name])) ??
    parseQuantity(valueAt(node, ['status', 'capacity', name])) ??
    0;
  return {
    name: node.metadata.name,
    ready: isTrue('Ready'),
    unschedulable: valueAt(node, ['spec', 'unschedulable']) === true,
    pressures: PRESSURES.filter(isTrue),
    labels: node.metadata.labels ?? {},
    taints: listAt(node, ['spec', 'taints'])
      .filter((taint) => valueAt(taint, ['effect']) !== 'PreferNoSchedule')
      .map((taint) => String(valueAt(taint, ['key']))),
    cores: size('cpu'),
    memory: size('memory'),
    disk: size('ephemeral-storage'),
    arch: node.metadata.labels?.['kubernetes.io/arch'] ?? 'unknown',
  };
}

export function judgeNodes(nodes: readonly NodeFacts[], needs: NodeNeeds): Finding[] {
  return [
    judgeReady(nodes),
    judgeSize(nodes, needs),
    ...judgeLabels(nodes, needs),
    ...judgeArch(nodes, needs),
  ];
}

function judgeReady(nodes: readonly NodeFacts[]): Finding {
  const bad = nodes.flatMap((node) => {
    const faults = [
      ...(node.ready ? [] : ['not ready']),
      ...(node.unschedulable ? ['cordoned'] : []),
      ...node.pressures,
    ];
    return faults.length === 0 ? [] : [`${node.name}: ${faults.join(', ')}`];
  });
  if (nodes.length === 0)
    return { ...READY, outcome: 'fail', seen: 'there is no node', advice: 'join a node to the cluster' };
  if (bad.length === 0) return { ...READY, outcome: 'pass', seen: `all ${nodes.length}` };
  const usable = nodes.some((node) => node.ready && !node.unschedulable && node.pressures.length === 0);
  const advice = 'look at the nodes: kubectl describe node';
  return { ...READY, outcome: usable ? 'warn' : 'fail', seen: bad.join('; '), advice };
}

/** Sizes are the vendor’s; smaller nodes may do, so this never fails. */
function judgeSize(nodes: readonly NodeFacts[], { release, controlPlane, cluster }: NodeNeeds): Finding {
  const node = release === undefined ? undefined : windowOf(release)?.node;
  const largest = [...system(nodes)].sort((a, b) => b.cores - a.cores || b.memory - a.memory)[0];
  const seen = largest === undefined ? 'no node' : `${largest.name}: ${sizeText(largest)}`;
  if (release === undefined || node === undefined) {
    const why =
      release === undefined ? 'the release is unknown' : `no text names the size for ${formatMinor(release)}`;
    return { ...SIZE, outcome: 'warn', seen: `${seen}; ${why}`, advice: 'ask support for the size it needs' };
  }
  const extra =
    controlPlane && isAtLeast(release, 2, CONTROL_PLANE_EXTRA.since) ? CONTROL_PLANE_EXTRA : undefined;
  const own = cluster || extra === undefined ? node : { cores: 0, memory: 0 };
  const want = {
    cores: own.cores + (extra?.cores ?? 0),
    memory: own.memory + (extra?.memory ?? 0),
    disk: node.disk ?? 0,
  };
  const expected = `${want.cores} cores, ${want.memory} GB of memory${want.disk === 0 ? '' : `, ${want.disk} GB of disk`}`;
  // Of a node of 8 cores and 16 GB the kubelet and the system keep a part.
  const fits = system(nodes).some(
    (one) =>
      one.cores >= want.cores * 0.9 &&
      one.memory >= want.memory * GB * 0.9 &&
      one.disk >= want.disk * GB * 0.9,
  );
  if (fits) return { ...SIZE, outcome: 'pass', seen, expected };
  return { ...SIZE, outcome: 'warn', seen, expected, advice: 'give the product a node of this size' };
}

/** Those that carry the role, else all that pods may use. */
function system(nodes: readonly NodeFacts[]): readonly NodeFacts[] {
  const marked = nodes.filter((node) => NODE_LABELS.system in node.labels);
  return marked.length > 0 ? marked : nodes.filter((node) => node.taints.length === 0);
}

function judgeLabels(nodes: readonly NodeFacts[], { cluster }: NodeNeeds): Finding[] {
  const faults: string[] = [];
  const roles = Object.values(NODE_LABELS);
  for (const node of nodes) {
    const master = Object.keys(node.labels).some((label) => MASTER.test(label));
    if (master && NODE_LABELS.system in node.labels && nodes.length > 1)
      faults.push(`${node.name} is a control-plane node and carries ${NODE_LABELS.system}`);
  }
  const used = roles.filter((label) => nodes.some((node) => label in node.labels));
  if (used.length > 0 && !used.includes(NODE_LABELS.system))
    faults.push(`no node carries ${NODE_LABELS.system}`);
  if (cluster && used.includes(NODE_LABELS.cpu) !== used.includes(NODE_LABELS.gpu))
    faults.push(`only one of ${NODE_LABELS.cpu} and ${NODE_LABELS.gpu} is in use`);
  if (faults.length > 0) {
    const advice = `label the nodes: kubectl label node NAME ${NODE_LABELS.system}=true`;
    return [{ ...LABELS, outcome: 'warn', seen: faults.join('; '), advice }];
  }
  if (used.length === 0)
    return [{ ...LABELS, outcome: 'pass', seen: 'no roles are in use; pods may run on every node' }];
  const seen = used.map((label) => {
    const count = nodes.filter((node) => label in node.labels).length;
    return `${count} ${label.replace('node-role.kubernetes.io/', '')}`;
  });
  return [{ ...LABELS, outcome: 'pass', seen: seen.join(', ') }];
}

/** From 2.18 on the control plane comes for amd64 only. */
function judgeArch(nodes: readonly NodeFacts[], { release, controlPlane }: NodeNeeds): Finding[] {
  if (!controlPlane || release === undefined || !isAtLeast(release, 2, 18)) return [];
  const seen = [...new Set(nodes.map(({ arch }) => arch))].sort().join(', ');
  if (nodes.some(({ arch }) => arch === 'amd64')) return [{ ...ARCH, outcome: 'pass', seen }];
  const advice = 'join an amd64 node for the control plane';
  return [{ ...ARCH, outcome: 'fail', seen, expected: 'amd64', advice }];
}

function sizeText({ cores, memory, disk }: NodeFacts): string {
  return `${cores} cores, ${Math.round(memory / GB)} GB of memory, ${Math.round(disk / GB)} GB of disk`;
}

function listAt(value: unknown, path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}
