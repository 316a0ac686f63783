import { parseQuantity } from '../../kube/quantity.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject, Resource } from '../../kube/types.js';
import { isAtLeast } from '../../runai/version.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { formatGb } from './quantity.js';
import { podSpecOf, type RenderedRelease } from './rendered.js';
import type { Check, CheckContext, Row } from './types.js';

const LIMIT_RANGES: Resource = {
  apiVersion: 'v1',
  kind: 'LimitRange',
  plural: 'limitranges',
  namespaced: true,
};
const QUOTA: Row = { id: 'namespace.quota', title: 'quotas of the namespaces' };
const SECURITY: Row = { id: 'namespace.pod-security', title: 'pod security of the namespaces' };
const ENFORCE = 'pod-security.kubernetes.io/enforce';
const BASELINE_BREAKERS = ['hostNetwork', 'hostPID', 'hostIPC'];

export interface NamespaceFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly quotas: readonly KubeObject[];
  readonly limits: readonly KubeObject[];
  /** Pods that a release would have there, and those that run already. */
  readonly pods: number;
  readonly running: number;
  /** Sums of what the containers request there. */
  readonly requests: { readonly cpu: number; readonly memory: number };
  /** Whether every container names its requests and limits; a quota demands it. */
  readonly complete: boolean;
  /** Objects whose pods need more than pod security `baseline` gives. */
  readonly privileged: readonly string[];
  /** Whether the product starts pods there that no chart shows. */
  readonly wantsPrivileged: boolean;
}

export const namespacesCheck: Check = {
  row: QUOTA,
  applies: ({ bundle }) => bundle.manifest.charts.length > 0,
  run: async (context) => {
    const facts = await readNamespaces(context);
    return [judgeQuotas(facts), judgePodSecurity(facts)];
  },
};

export async function readNamespaces(context: CheckContext): Promise<NamespaceFacts[]> {
  const { client, signal, bundle, site, release } = context;
  const rendered = await context.rendered();
  const facts: NamespaceFacts[] = [];
  for (const name of new Set(bundle.manifest.charts.map(({ namespace }) => namespace))) {
    const namespace = await client.get(RESOURCES.namespaces, { name }, { signal });
    if (namespace === undefined) continue;
    const inside = rendered.filter(({ planned }) => planned.chart.namespace === name);
    // From 2.15 on the workloads on OpenShift do with less; the product's own namespace does not.
    const restricted =
      site.product.platform === 'openshift' && release !== undefined && isAtLeast(release, 2, 15);
    facts.push({
      name,
      labels: namespace.metadata.labels ?? {},
      quotas: await client.list(RESOURCES.resourceQuotas, { namespace: name, signal }),
      limits: await client.list(LIMIT_RANGES, { namespace: name, signal }),
      running: (await context.pods()).filter(({ metadata }) => metadata.namespace === name).length,
      ...sumsOf(inside),
      wantsPrivileged: inside.some(({ planned }) => planned.chart.role === 'cluster') && !restricted,
    });
  }
  return facts;
}

/** What the pods of a namespace ask for. Pure. */
export function sumsOf(
  rendered: readonly RenderedRelease[],
): Pick<NamespaceFacts, 'pods' | 'requests' | 'complete' | 'privileged'> {
  let pods = 0;
  let cpu = 0;
  let memory = 0;
  let complete = true;
  const privileged: string[] = [];
  for (const object of rendered.flatMap(({ objects }) => objects)) {
    const spec = podSpecOf(object);
    if (spec === undefined) continue;
    const replicas = Number(valueAt(object, ['spec', 'replicas']) ?? 1);
    const containers = listAt(spec, ['containers']);
    pods += replicas;
    for (const container of containers) {
      const ask = (name: string): number | undefined =>
        parseQuantity(valueAt(container, ['resources', 'requests', name]));
      cpu += (ask('cpu') ?? 0) * replicas;
      memory += (ask('memory') ?? 0) * replicas;
      complete &&= ask('cpu') !== undefined && ask('memory') !== undefined;
    }
    if (needsPrivileges(spec)) privileged.push(`${object.kind}/${object.metadata.name}`);
  }
  return { pods, requests: { cpu, memory }, complete, privileged };
}

export function judgeQuotas(namespaces: readonly NamespaceFacts[]): Finding {
  const faults: string[] = [];
  const notes: string[] = [];
  for (const { name, quotas, limits, pods, requests, complete, running } of namespaces) {
    const defaulted = limits.some((one) =>
      listAt(one, ['spec', 'limits']).some((limit) => valueAt(limit, ['defaultRequest']) !== undefined),
    );
    for (const quota of quotas) {
      const hard = (valueAt(quota, ['spec', 'hard']) ?? {}) as Readonly<Record<string, unknown>>;
      const where = `quota ${name}/${quota.metadata.name}`;
      const over = (key: string, need: number, show: (value: number) => string): void => {
        const most = parseQuantity(hard[key]);
        if (most !== undefined && need > most)
          faults.push(`${where} allows ${key} ${show(most)}, ${show(need)} are asked for`);
      };
      over('pods', Math.max(pods, running > 0 ? pods + 1 : pods), String);
      over('requests.cpu', requests.cpu, (value) => value.toFixed(1));
      over('cpu', requests.cpu, (value) => value.toFixed(1));
      over('requests.memory', requests.memory, formatGb);
      over('memory', requests.memory, formatGb);
      const demands = Object.keys(hard).filter((key) => /^((requests|limits)\.)?(cpu|memory)$/.test(key));
      if (demands.length > 0 && !complete && !defaulted)
        faults.push(`${where} refuses pods without requests, which some have (no LimitRange gives defaults)`);
      notes.push(where);
    }
    for (const one of limits) notes.push(`limits ${name}/${one.metadata.name}`);
  }
  if (faults.length > 0) {
    const advice = 'raise the quota or take it away from the product’s namespaces';
    return { ...QUOTA, outcome: 'fail', seen: faults.join('; '), advice };
  }
  return { ...QUOTA, outcome: 'pass', seen: notes.length === 0 ? 'none' : notes.join(', ') };
}

export function judgePodSecurity(namespaces: readonly NamespaceFacts[]): Finding {
  const faults: string[] = [];
  const seen: string[] = [];
  for (const { name, labels, privileged, wantsPrivileged } of namespaces) {
    const level = labels[ENFORCE];
    seen.push(`${name}: ${level ?? 'no label'}`);
    if (level === undefined || level === 'privileged') continue;
    if (privileged.length > 0)
      faults.push(`${name} enforces ${level}, which refuses ${privileged.slice(0, 3).join(', ')}`);
    else if (wantsPrivileged)
      faults.push(`${name} enforces ${level}; the product starts privileged pods there`);
  }
  if (faults.length === 0)
    return { ...SECURITY, outcome: 'pass', seen: seen.join(', ') || 'no namespace is there yet' };
  const advice = `kubectl label namespace NAME ${ENFORCE}=privileged --overwrite`;
  return { ...SECURITY, outcome: 'fail', seen: faults.join('; '), expected: 'privileged', advice };
}

function needsPrivileges(spec: unknown): boolean {
  if (BASELINE_BREAKERS.some((key) => valueAt(spec, [key]) === true)) return true;
  if (listAt(spec, ['volumes']).some((volume) => valueAt(volume, ['hostPath']) !== undefined)) return true;
  return [...listAt(spec, ['containers']), ...listAt(spec, ['initContainers'])].some(
    (container) => valueAt(container, ['securityContext', 'privileged']) === true,
  );
}

function listAt(value: unknown, path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}
