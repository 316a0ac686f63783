import { mapPooled } from '../io/pool.js';
import { groupOf, RESOURCES } from '../kube/resources.js';
import type { AccessAnswer, AccessCheck, KubeClient, Resource } from '../kube/types.js';
import { BACKEND } from '../runai/names.js';
import { backupIn, type InstallPlan } from './plan.js';

const WIDTH = 8;
const EVERYTHING: AccessCheck = { verb: '*', group: '*', resource: '*' };

/** Asks for every right that the plan needs; one question when everything is allowed (threats 99). */
export async function reviewRights(
  client: KubeClient,
  made: InstallPlan,
  signal: AbortSignal,
): Promise<(AccessCheck & AccessAnswer)[]> {
  const all = await client.mayI(EVERYTHING, { signal });
  if (all.allowed) return [{ ...EVERYTHING, ...all }];
  const checks = neededRights(made);
  return mapPooled(
    checks,
    WIDTH,
    async (check, inner) => ({ ...check, ...(await client.mayI(check, { signal: inner })) }),
    signal,
  );
}

/** What an install does to a cluster. The charts make roles and bindings, so they need what they give away. */
export function neededRights(made: InstallPlan): AccessCheck[] {
  const namespaces = [...new Set(made.releases.map(({ chart }) => chart.namespace))];
  const system = 'kube-system';
  const ids = made.plan.steps.map((step) => step.id);
  return [
    ...on(RESOURCES.nodes, ['list']),
    ...on(RESOURCES.namespaces, ids.includes('namespaces') ? ['get', 'list', 'create'] : ['get', 'list']),
    ...on(RESOURCES.leases, ['get', 'create', 'update'], system),
    ...on(RESOURCES.configMaps, ['get', 'create', 'patch'], system),
    ...on(RESOURCES.secrets, ['get', 'list', 'create', 'patch', 'delete'], system),
    ...(ids.includes('crds') ? on(RESOURCES.crds, ['get', 'create', 'patch']) : []),
    ...(backupIn(made.plan)?.kind === 'take' ? backupRights() : []),
    ...namespaces.flatMap((namespace) => [
      ...on(RESOURCES.secrets, ['get', 'list', 'create', 'update', 'delete'], namespace),
      ...[RESOURCES.configMaps, RESOURCES.services, RESOURCES.serviceAccounts, RESOURCES.claims].flatMap(
        (resource) => on(resource, ['get', 'list', 'create', 'patch', 'delete'], namespace),
      ),
      ...[RESOURCES.deployments, RESOURCES.statefulSets, RESOURCES.daemonSets, RESOURCES.jobs].flatMap(
        (resource) => on(resource, ['get', 'list', 'create', 'patch', 'delete'], namespace),
      ),
      ...on(RESOURCES.ingresses, ['get', 'list', 'create', 'patch', 'delete'], namespace),
      ...on(
        RESOURCES.pods,
        ids.includes('canary') ? ['get', 'list', 'create', 'delete'] : ['list'],
        namespace,
      ),
      ...on(RESOURCES.events, ['list'], namespace),
    ]),
    ...['clusterroles', 'clusterrolebindings'].flatMap((resource) =>
      ['get', 'create', 'patch', 'delete'].map((verb) => ({
        verb,
        group: 'rbac.authorization.k8s.io',
        resource,
      })),
    ),
  ];
}

/** A backup runs pg_dump in the database's pod, and tar in a pod of its own. */
function backupRights(): AccessCheck[] {
  const { namespace } = BACKEND;
  const exec = { group: '', resource: 'pods', subresource: 'exec', namespace };
  return [
    { verb: 'get', ...exec },
    { verb: 'create', ...exec },
    ...on(RESOURCES.pods, ['get', 'create', 'delete'], namespace),
  ];
}

function on(resource: Resource, verbs: readonly string[], namespace?: string): AccessCheck[] {
  const where = namespace === undefined ? {} : { namespace };
  return verbs.map((verb) => ({
    verb,
    group: groupOf(resource.apiVersion),
    resource: resource.plural,
    ...where,
  }));
}
