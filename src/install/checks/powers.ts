import type { KubeObject } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { podSpecOf, type RenderedRelease } from './rendered.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'charts.powers', title: 'what the charts may do' };
const SHOWN = 12;
/** Kinds whose deletion takes data with it, or stops what runs. */
const PRECIOUS = new Set([
  'PersistentVolumeClaim',
  'PersistentVolume',
  'Secret',
  'StatefulSet',
  'Deployment',
  'Namespace',
  'CustomResourceDefinition',
]);
const DELETING = new Set(['delete', 'deletecollection', '*']);

/** Shown, never blocked: whoever signed the bundle answers for its charts (threats 55). */
export const powersCheck: Check = {
  row: ROW,
  applies: ({ bundle }) => bundle.manifest.charts.length > 0,
  run: async ({ rendered }) => [judgePowers(await rendered())],
};

/** Names hooks that run or delete, rights over the whole cluster, and pods that reach out of their containers. */
export function judgePowers(releases: readonly RenderedRelease[]): Finding {
  const found = releases.flatMap((release) => [
    ...release.hooks.filter((hook) => runsNow(hook, release)).flatMap((hook) => hookPowers(hook, release)),
    ...[...release.objects, ...release.hooks].flatMap((object) => [...admin(object), ...reach(object)]),
  ]);
  if (found.length === 0) {
    return { ...ROW, outcome: 'pass', seen: 'no hooks that delete, no cluster-admin, nothing of the nodes' };
  }
  const named = [...new Set(found)];
  const more = named.length > SHOWN ? `; and ${named.length - SHOWN} more` : '';
  const advice = 'nothing, when the release notes speak of it; else ask the vendor';
  return { ...ROW, outcome: 'warn', seen: `${named.slice(0, SHOWN).join('; ')}${more}`, advice };
}

/** Hooks of an uninstallation or a rollback do not run in an install. */
function runsNow(hook: KubeObject, { planned }: RenderedRelease): boolean {
  const event = planned.decision.do === 'install' ? 'install' : 'upgrade';
  return new RegExp(`\\b(pre|post)-${event}\\b`).test(hook.metadata.annotations?.['helm.sh/hook'] ?? '');
}

function hookPowers(hook: KubeObject, release: RenderedRelease): string[] {
  const when = hook.metadata.annotations?.['helm.sh/hook'] ?? '';
  const policy = hook.metadata.annotations?.['helm.sh/hook-delete-policy'] ?? 'before-hook-creation';
  const replaced = /before-hook-creation/.test(policy) && PRECIOUS.has(hook.kind ?? '');
  const deletes = deletedBy(hook, release);
  return [
    ...(replaced ? [`hook ${nameOf(hook)} (${when}) is deleted when it is there, and made anew`] : []),
    ...(deletes.length > 0 ? [`hook ${nameOf(hook)} (${when}) may delete ${deletes.join(', ')}`] : []),
  ];
}

/** What the service account of a hook's pod may delete, by the roles that the chart brings. */
function deletedBy(hook: KubeObject, { planned, objects, hooks }: RenderedRelease): string[] {
  const spec = podSpecOf(hook);
  if (spec === undefined) return [];
  const account = String(valueAt(spec, ['serviceAccountName']) ?? 'default');
  const namespace = hook.metadata.namespace ?? planned.chart.namespace;
  const all = [...objects, ...hooks];
  const roles = all
    .filter(({ kind }) => kind === 'RoleBinding' || kind === 'ClusterRoleBinding')
    .filter((binding) =>
      list(valueAt(binding, ['subjects'])).some(
        (subject) =>
          valueAt(subject, ['kind']) === 'ServiceAccount' &&
          valueAt(subject, ['name']) === account &&
          (valueAt(subject, ['namespace']) ?? planned.chart.namespace) === namespace,
      ),
    )
    .map((binding) => `${valueAt(binding, ['roleRef', 'kind'])}/${valueAt(binding, ['roleRef', 'name'])}`);
  if (roles.includes('ClusterRole/cluster-admin')) return ['everything (cluster-admin)'];
  const rules = all
    .filter((object) => roles.includes(nameOf(object)))
    .flatMap((role) => list(valueAt(role, ['rules'])))
    .filter((rule) => list(valueAt(rule, ['verbs'])).some((verb) => DELETING.has(String(verb))));
  return [...new Set(rules.flatMap((rule) => list(valueAt(rule, ['resources'])).map(String)))].sort();
}

function admin(object: KubeObject): string[] {
  if (object.kind !== 'ClusterRoleBinding') return [];
  if (valueAt(object, ['roleRef', 'name']) !== 'cluster-admin') return [];
  const subjects = list(valueAt(object, ['subjects'])).map((subject) => String(valueAt(subject, ['name'])));
  return [`${nameOf(object)} makes ${subjects.join(', ') || 'nobody'} cluster-admin`];
}

/** Pods that reach the node they run on. */
function reach(object: KubeObject): string[] {
  const spec = podSpecOf(object);
  if (spec === undefined) return [];
  const containers = ['initContainers', 'containers'].flatMap((key) => list(valueAt(spec, [key])));
  const paths = list(valueAt(spec, ['volumes'])).flatMap((volume) => {
    const path = valueAt(volume, ['hostPath', 'path']);
    return typeof path === 'string' ? [path] : [];
  });
  const isPrivileged = containers.some((one) => valueAt(one, ['securityContext', 'privileged']) === true);
  const shared = ['hostNetwork', 'hostPID', 'hostIPC'].filter((key) => valueAt(spec, [key]) === true);
  return [
    ...(paths.length === 0 ? [] : [`${nameOf(object)} mounts ${paths.join(', ')} of the node`]),
    ...(isPrivileged ? [`${nameOf(object)} is privileged`] : []),
    ...(shared.length === 0 ? [] : [`${nameOf(object)} has ${shared.join(', ')}`]),
  ];
}

function nameOf({ kind, metadata }: KubeObject): string {
  return `${kind}/${metadata.name}`;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
