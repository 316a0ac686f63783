import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject, Resource } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'prometheus', title: 'Prometheus' };
const DEFINITIONS = ['prometheuses', 'prometheusrules', 'servicemonitors'].map(
  (plural) => `${plural}.monitoring.coreos.com`,
);
const PROMETHEUSES: Resource = {
  apiVersion: 'monitoring.coreos.com/v1',
  kind: 'Prometheus',
  plural: 'prometheuses',
  namespaced: true,
};

export interface PrometheusFacts {
  readonly missing: readonly string[];
  /** namespace/name of operators that run. */
  readonly operators: readonly string[];
  /** namespace/name of instances with a pod that is available. */
  readonly instances: readonly string[];
  readonly brought?: string;
}

/** From 2.9 on the operator is the site’s own; OpenShift has one. */
export const prometheusCheck: Check = {
  row: ROW,
  applies: ({ site, release, bundle }) =>
    site.product.platform === 'kubernetes' &&
    bundle.manifest.charts.some(({ role }) => role === 'cluster') &&
    (release === undefined || release.major > 2 || release.minor >= 9),
  run: async (context) => [judgePrometheus(await readPrometheus(context))],
};

export async function readPrometheus(context: CheckContext): Promise<PrometheusFacts> {
  const { client, bundle, signal } = context;
  const missing: string[] = [];
  for (const name of DEFINITIONS)
    if ((await client.get(RESOURCES.crds, { name }, { signal })) === undefined) missing.push(name);
  const instances = await client.list(PROMETHEUSES, { signal });
  const brought = bundle.manifest.charts.find(
    ({ role, name }) => role === 'prerequisite' && /prometheus/i.test(name),
  )?.name;
  return {
    missing,
    operators: (await context.pods()).filter(isOperator).map(nameOf),
    instances: instances
      .filter((one) => Number(valueAt(one, ['status', 'availableReplicas']) ?? 0) > 0)
      .map(nameOf),
    ...(brought === undefined ? {} : { brought }),
  };
}

export function judgePrometheus({ missing, operators, instances, brought }: PrometheusFacts): Finding {
  if (brought !== undefined) return { ...ROW, outcome: 'pass', seen: `the bundle brings ${brought}` };
  const advice = 'install the Prometheus operator (kube-prometheus-stack)';
  const expected = 'a Prometheus operator that runs, with its definitions';
  if (missing.length > 0)
    return { ...ROW, outcome: 'fail', seen: `not defined: ${missing.join(', ')}`, expected, advice };
  if (operators.length > 0) return { ...ROW, outcome: 'pass', seen: `operator ${operators.join(', ')} runs` };
  if (instances.length > 0) {
    const seen = `${instances.join(', ')} runs, but no operator was seen`;
    return {
      ...ROW,
      outcome: 'warn',
      seen,
      advice: 'check that the operator runs; it makes the product’s own instance',
    };
  }
  return {
    ...ROW,
    outcome: 'fail',
    seen: 'defined, but neither operator nor Prometheus runs',
    expected,
    advice,
  };
}

/** Its image, its arguments or its label name it; a mirror keeps the last part of the name. */
function isOperator(pod: KubeObject): boolean {
  if (valueAt(pod, ['status', 'phase']) !== 'Running') return false;
  const label = pod.metadata.labels?.['app.kubernetes.io/name'] ?? pod.metadata.labels?.['app'] ?? '';
  if (/prometheus-operator/.test(label)) return true;
  const containers = valueAt(pod, ['spec', 'containers']);
  return (Array.isArray(containers) ? containers : []).some((container) =>
    /(^|\/)prometheus-operator(:|@|$)/.test(String(valueAt(container, ['image']))),
  );
}

function nameOf({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}
