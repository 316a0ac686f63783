import { groupOf } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { valueAt } from '../values.js';
import { type Labels, selects } from './label-selector.js';
import { podTemplateOf, type RenderedRelease } from './rendered.js';

/** Something that a run will send, as an admission webhook sees it. */
export interface Sent {
  /** `Deployment runai-backend/web` */
  readonly name: string;
  readonly group: string;
  /** Plural. */
  readonly resource: string;
  readonly labels: Labels;
  /** Absent for what belongs to no namespace. */
  readonly namespace?: string;
}

/** Finds out how a kind is served; undefined when nobody knows it yet. */
export type ServedAs = (
  object: KubeObject,
) => Promise<{ readonly plural: string; readonly namespaced: boolean } | undefined>;

/** Objects of the charts, the pods that come of them, and the records of helm. */
export async function sentByCharts(
  releases: readonly RenderedRelease[],
  servedAs: ServedAs,
): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (const { planned, objects, hooks } of releases) {
    const own = planned.chart.namespace;
    for (const object of [...objects, ...hooks]) {
      const served = await servedAs(object);
      if (served === undefined) continue;
      const { name, namespace = own, labels = {} } = object.metadata;
      sent.push({
        name: `${object.kind} ${served.namespaced ? `${namespace}/` : ''}${name}`,
        group: groupOf(object.apiVersion ?? ''),
        resource: served.plural,
        labels,
        ...(served.namespaced ? { namespace } : {}),
      });
      const template = podTemplateOf(object);
      if (template === undefined) continue;
      const podLabels = (valueAt(template, ['metadata', 'labels']) ?? {}) as Labels;
      sent.push({ name: `pods of ${name}`, group: '', resource: 'pods', labels: podLabels, namespace });
    }
    const name = `helm’s record of ${planned.chart.release}`;
    sent.push({ name, group: '', resource: 'secrets', labels: { owner: 'helm' }, namespace: own });
  }
  return sent;
}

/** What airgap itself writes: definitions, namespaces, and the record of the run in kube-system. */
export function sentByUs(by: {
  readonly crds: readonly string[];
  readonly namespaces: readonly string[];
}): Sent[] {
  const crds = by.crds.map((name) => ({
    name: `definition ${name}`,
    group: 'apiextensions.k8s.io',
    resource: 'customresourcedefinitions',
    labels: {},
  }));
  const namespaces = by.namespaces.map((name) => ({
    name: `Namespace ${name}`,
    group: '',
    resource: 'namespaces',
    labels: { 'kubernetes.io/metadata.name': name },
  }));
  const records = [
    ['', 'configmaps'],
    ['', 'secrets'],
    ['coordination.k8s.io', 'leases'],
  ] as const;
  return [
    ...crds,
    ...namespaces,
    ...records.map(([group, resource]) => ({
      name: `the record of the run (${resource} in kube-system)`,
      group,
      resource,
      labels: {},
      namespace: 'kube-system',
    })),
  ];
}

/**
 * Whether a webhook of a configuration is asked about an object that is created or changed. A namespaceSelector
 * says nothing about objects outside of namespaces, and about a Namespace it is held against its own labels.
 */
export function isAsked(hook: unknown, sent: Sent, namespaces: ReadonlyMap<string, Labels>): boolean {
  if (!listAt(hook, ['rules']).some((rule) => covers(rule, sent))) return false;
  if (!selects(valueAt(hook, ['objectSelector']), sent.labels)) return false;
  const selector = valueAt(hook, ['namespaceSelector']);
  if (sent.namespace !== undefined)
    return selects(selector, {
      'kubernetes.io/metadata.name': sent.namespace,
      ...namespaces.get(sent.namespace),
    });
  if (sent.group === '' && sent.resource === 'namespaces') return selects(selector, sent.labels);
  return true;
}

/** Versions are left out: webhooks are asked about equivalent ones too. */
function covers(rule: unknown, { group, resource, namespace }: Sent): boolean {
  const has = (key: string, ...wanted: readonly string[]): boolean =>
    listAt(rule, [key]).some((one) => wanted.includes(String(one)));
  const scope = valueAt(rule, ['scope']) ?? '*';
  return (
    has('apiGroups', group, '*') &&
    has('resources', resource, '*', '*/*') &&
    has('operations', 'CREATE', 'UPDATE', '*') &&
    (scope === '*' || scope === (namespace === undefined ? 'Cluster' : 'Namespaced'))
  );
}

function listAt(value: unknown, path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}
