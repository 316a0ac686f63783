import type { KubeObject, Resource } from '../../kube/types.js';
import { parseVersion, type Version } from '../../runai/version.js';
import { fitsGpuOperator } from '../../runai/windows.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'gpu.operator', title: 'GPU operator' };
const POLICIES: Resource = {
  apiVersion: 'nvidia.com/v1',
  kind: 'ClusterPolicy',
  plural: 'clusterpolicies',
  namespaced: false,
};

export interface GpuFacts {
  readonly release?: Version;
  /** State of the operator’s policy; absent when there is none. */
  readonly state?: string;
  /** v23.9.2 */
  readonly version?: string;
  readonly nodes: number;
  /** Nodes that carry the labels of GPU feature discovery. */
  readonly gpuNodes: number;
}

export const gpuCheck: Check = {
  row: ROW,
  applies: ({ bundle }) => bundle.manifest.charts.some(({ role }) => role === 'cluster'),
  run: async (context) => [judgeGpu(await readGpu(context))],
};

export async function readGpu(context: CheckContext): Promise<GpuFacts> {
  const { client, signal, release } = context;
  const [policy] = await client.list(POLICIES, { signal });
  const pod = (await context.pods()).find(isOperator);
  const version = [policy, pod].flatMap((object) => versionsOf(object))[0];
  const state = policy && String(valueAt(policy, ['status', 'state']) ?? 'unknown');
  const nodes = await context.nodes();
  return {
    nodes: nodes.length,
    gpuNodes: nodes.filter(({ metadata }) => metadata.labels?.['nvidia.com/gpu.present'] === 'true').length,
    ...(release === undefined ? {} : { release }),
    ...(state === undefined ? {} : { state }),
    ...(version === undefined ? {} : { version }),
  };
}

/** Without it the product runs and shares no GPU: a warning, also where there are CPUs only. */
export function judgeGpu({ release, state, version, nodes, gpuNodes }: GpuFacts): Finding {
  const counted = `${gpuNodes} of ${nodes} nodes show GPUs`;
  if (state === undefined) {
    const advice =
      gpuNodes > 0
        ? 'install the NVIDIA GPU operator'
        : 'nothing to do where no GPU shall be shared; else install the NVIDIA GPU operator';
    return { ...ROW, outcome: 'warn', seen: `no GPU operator; ${counted}`, advice };
  }
  const seen = `${version ?? 'unknown version'}, ${state}; ${counted}`;
  if (state !== 'ready')
    return {
      ...ROW,
      outcome: 'warn',
      seen,
      expected: 'ready',
      advice: 'look at it: kubectl get clusterpolicy -o yaml',
    };
  const parsed = version === undefined ? undefined : parseVersion(version);
  if (parsed !== undefined && release !== undefined) {
    const answer = fitsGpuOperator(release, parsed);
    if (answer.fits === 'unknown')
      return { ...ROW, outcome: 'warn', seen: `${seen}; ${answer.why}`, advice: 'check the release notes' };
    if (!answer.fits)
      return {
        ...ROW,
        outcome: 'warn',
        seen,
        expected: answer.range,
        advice: 'bring the GPU operator to such a version',
      };
  }
  if (gpuNodes === 0)
    return {
      ...ROW,
      outcome: 'warn',
      seen,
      advice: 'look why no node carries the label nvidia.com/gpu.present',
    };
  return { ...ROW, outcome: 'pass', seen };
}

function isOperator(pod: KubeObject): boolean {
  const { labels = {} } = pod.metadata;
  return labels['app.kubernetes.io/name'] === 'gpu-operator' || labels['app'] === 'gpu-operator';
}

function versionsOf(object: KubeObject | undefined): string[] {
  const { labels = {} } = object?.metadata ?? {};
  const chart = /^gpu-operator-(v?\d.*)$/.exec(labels['helm.sh/chart'] ?? '')?.[1];
  const containers = valueAt(object, ['spec', 'containers']);
  const image = /:(v?\d+\.\d+[^:@]*)(@|$)/.exec(String(valueAt(containers, [0, 'image']) ?? ''))?.[1];
  return [labels['app.kubernetes.io/version'], chart, image].filter((text) => text !== undefined);
}
