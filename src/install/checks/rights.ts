import { mapPooled } from '../../io/pool.js';
import { groupOf, RESOURCES } from '../../kube/resources.js';
import type { AccessAnswer, AccessCheck, KubeClient, KubeObject } from '../../kube/types.js';
import type { PlanStep } from '../../run/types.js';
import { type ObjectRef, ROUTE } from '../../runai/names.js';
import type { Finding } from '../findings.js';
import { inputOf } from '../plan.js';
import type { RenderedRelease } from './rendered.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'rights.plan', title: 'rights for every step' };
const WIDTH = 8;
const SHOWN = 8;
const WRITE = ['get', 'create', 'patch'];

/** A kind in a namespace, with what is done to it. */
interface Need {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly verbs: readonly string[];
}

/** The kinds that the charts really have and the steps really take away; the fixed list is asked for elsewhere. */
export const rightsCheck: Check = {
  row: ROW,
  applies: ({ bundle }) => bundle.manifest.charts.length > 0,
  run: async ({ client, made, rendered, recorded, signal }) => {
    const all = await client.mayI({ verb: '*', group: '*', resource: '*' }, { signal });
    if (all.allowed) return [judgeRights([{ verb: '*', group: '*', resource: '*', ...all }])];
    const needs = [
      ...(await rendered()).flatMap(neededByChart),
      ...made.plan.steps.flatMap((step) => neededByStep(step, recorded())),
    ];
    const checks = await checksFor(client, needs, signal);
    const answers = await mapPooled(
      checks,
      WIDTH,
      async (check, inner) => ({ ...check, ...(await client.mayI(check, { signal: inner })) }),
      signal,
    );
    return [judgeRights(answers)];
  },
};

/** What helm does to the objects of a chart. Pure. */
export function neededByChart({ planned, objects, hooks }: RenderedRelease): Need[] {
  const { namespace } = planned.chart;
  // Helm deletes a hook’s object before it makes it anew.
  const made = [
    ...objects.map((object) => ({ object, verbs: WRITE })),
    ...hooks.map((object) => ({ object, verbs: [...WRITE, 'delete'] })),
  ];
  return made.map(({ object: { apiVersion = '', kind = '', metadata }, verbs }) => ({
    apiVersion,
    kind,
    namespace: metadata.namespace ?? namespace,
    verbs,
  }));
}

const VOLUMES: Need = { apiVersion: 'v1', kind: 'PersistentVolume', verbs: ['get', 'patch'] };

/** What a step does to objects that no new chart has. Pure. @param recorded by release: what runs by helm’s record */
export function neededByStep(
  step: PlanStep,
  recorded: ReadonlyMap<string, readonly KubeObject[]> = new Map(),
): Need[] {
  const { action } = inputOf(step);
  const taken = ['get', 'list', 'delete'];
  switch (action.kind) {
    case 'delete-objects':
      return action.objects.map((ref) => needOf(ref, ['get', 'delete']));
    case 'delete-owned':
      return action.kinds.map((kind) => ({ ...kind, namespace: action.namespace, verbs: taken }));
    case 'delete-leftovers':
      return [
        ...action.kinds.map((kind) => ({ ...kind, namespace: action.namespace, verbs: taken })),
        ...action.labelled.map(({ apiVersion, kind }) => ({ apiVersion, kind, verbs: taken })),
        ...action.objects.map((ref) => needOf(ref, ['get', 'delete'])),
      ];
    // An upgrade takes away what the new chart has no more.
    case 'helm-uninstall':
      return [
        ...recordedOf(action, recorded),
        { ...RESOURCES.pods, namespace: action.namespace, verbs: ['list'] },
        { ...RESOURCES.replicaSets, namespace: action.namespace, verbs: ['list'] },
      ];
    case 'helm':
      return recordedOf(action, recorded);
    case 'retain-volumes':
      return [VOLUMES];
    case 'keep-claims':
      return [needOf({ ...RESOURCES.claims, namespace: action.namespace }, ['get', 'patch']), VOLUMES];
    case 'restore-ingress':
      return [needOf(action.ingress, ['get', 'patch'])];
    case 'restore-routes':
      return [needOf({ ...ROUTE, namespace: action.namespace }, ['get', 'patch'])];
    case 'restore-runaiconfig':
      return [needOf(action.object, ['get', 'patch'])];
    case 'restore-subjects':
      return action.bindings.map((ref) => needOf(ref, ['get', 'create', 'patch']));
    case 'tls-from-values':
      return [needOf(action.secret, ['get', 'create'])];
    case 'restore-secrets':
      return [{ apiVersion: 'v1', kind: 'Secret', namespace: action.namespace, verbs: ['get', 'create'] }];
    default:
      return [];
  }
}

/** What runs of a release by helm's record. */
function recordedOf(
  { release, namespace }: { readonly release: string; readonly namespace: string },
  recorded: ReadonlyMap<string, readonly KubeObject[]>,
): Need[] {
  return (recorded.get(release) ?? []).map(({ apiVersion = '', kind = '', metadata }) => ({
    apiVersion,
    kind,
    namespace: metadata.namespace ?? namespace,
    verbs: ['get', 'delete'],
  }));
}

function needOf({ apiVersion, kind, namespace }: Omit<ObjectRef, 'name'>, verbs: readonly string[]): Need {
  return { apiVersion, kind, verbs, ...(namespace === undefined ? {} : { namespace }) };
}

export function judgeRights(answers: readonly (AccessCheck & AccessAnswer)[]): Finding {
  const missing = answers.filter(({ allowed }) => !allowed);
  if (missing.length === 0) {
    const seen =
      answers[0]?.verb === '*' ? 'everything is allowed' : `all ${answers.length} questions answered yes`;
    return { ...ROW, outcome: 'pass', seen };
  }
  const list = missing.slice(0, SHOWN).map(({ verb, group, resource, namespace }) => {
    const kind = group === '' ? resource : `${resource}.${group}`;
    return `${verb} ${kind}${namespace === undefined ? '' : ` in ${namespace}`}`;
  });
  const more = missing.length > SHOWN ? `; ${missing.length - SHOWN} more` : '';
  return {
    ...ROW,
    outcome: 'fail',
    seen: `not allowed: ${list.join('; ')}${more}`,
    expected: 'cluster-admin',
    advice: 'use a kubeconfig with these rights: kubectl auth can-i --list',
  };
}

/** Each question once; kinds that the server does not know yet cannot be asked about. */
async function checksFor(
  client: KubeClient,
  needs: readonly Need[],
  signal: AbortSignal,
): Promise<AccessCheck[]> {
  const checks = new Map<string, AccessCheck>();
  for (const { apiVersion, kind, namespace, verbs } of needs) {
    const resource = await client.resourceFor(apiVersion, kind, { signal });
    if (resource === undefined) continue;
    for (const verb of verbs) {
      const check: AccessCheck = {
        verb,
        group: groupOf(resource.apiVersion),
        resource: resource.plural,
        ...(resource.namespaced && namespace !== undefined ? { namespace } : {}),
      };
      checks.set(JSON.stringify(check), check);
    }
  }
  return [...checks.values()];
}
