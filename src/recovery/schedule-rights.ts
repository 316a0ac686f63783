import { PEOPLE_ELSEWHERE } from '../runai/bindings.js';
import { CONFIG_RESOURCES, QUEUES } from '../runai/crds.js';
import { BACKEND, CA_SECRET, CLUSTER, OLD_PROMETHEUS_NAMESPACE } from '../runai/names.js';
import type { Platform } from '../runai/platform.js';
import { type Choice, type DataChoice, type Savings, WAYS } from './create-types.js';

/** One rule of RBAC. */
export interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

/** Rights of one place. */
export interface Rights {
  /** The whole cluster when absent. */
  readonly namespace?: string;
  readonly rules: readonly Rule[];
}

/** What decides about the rights that a backup needs. */
export interface RightsFacts {
  readonly choices: ReadonlySet<Choice>;
  readonly savings: Savings;
  readonly platform: Platform;
  /** The product is of a release up to 2.8, whose Prometheus has a namespace of its own. */
  readonly oldPrometheus: boolean;
  /** The database is outside of the cluster, and reached from a pod of ours. */
  readonly externalDatabase: boolean;
}

const RBAC = 'rbac.authorization.k8s.io';
const SNAPSHOT = 'snapshot.storage.k8s.io';

/** The least rights with which `backup create` does its work, place by place. Pure. */
export function backupRights(facts: RightsFacts): Rights[] {
  const places: Rights[] = [
    { rules: clusterRules(facts) },
    { namespace: 'kube-system', rules: [rule('', 'configmaps', ['get'], ['airgap-run'])] },
    { namespace: BACKEND.namespace, rules: backendRules(facts) },
    { namespace: CLUSTER.namespace, rules: productRules(facts) },
  ];
  if (facts.oldPrometheus && savesVolume('prometheus', facts)) {
    places.push({ namespace: OLD_PROMETHEUS_NAMESPACE, rules: volumeRules('prometheus', facts) });
  }
  if (facts.platform === 'openshift' && facts.choices.has('secrets')) {
    const rules = [rule('', 'secrets', ['get'], [CA_SECRET.name])];
    places.push({ namespace: 'openshift-monitoring', rules });
  }
  return places;
}

function clusterRules(facts: RightsFacts): Rule[] {
  const { choices } = facts;
  const customs = [...CONFIG_RESOURCES, QUEUES].map(({ group, plural }) => rule(group, plural, ['list']));
  const people = PEOPLE_ELSEWHERE.filter(({ namespace }) => namespace === undefined);
  return [
    rule('', 'namespaces', choices.has('rbac') ? ['get', 'list'] : ['get']),
    ...(choices.has('config') || choices.has('rbac')
      ? [rule('apiextensions.k8s.io', 'customresourcedefinitions', ['get'])]
      : []),
    ...(choices.has('config') ? customs : []),
    ...(choices.has('rbac')
      ? [
          ...(choices.has('config') ? [] : [rule('run.ai', 'projects', ['list'])]),
          rule(RBAC, 'roles', ['list']),
          rule(RBAC, 'rolebindings', ['list']),
          rule(RBAC, 'clusterroles', ['get']),
          rule(
            RBAC,
            'clusterrolebindings',
            ['get'],
            people.map(({ name }) => name),
          ),
        ]
      : []),
    ...(choices.has('storage') ? [rule('storage.k8s.io', 'storageclasses', ['list'])] : []),
    ...volumeReads(facts),
  ];
}

function volumeReads(facts: RightsFacts): Rule[] {
  const verbs = [
    ...(takesSnapshots(facts) ? ['get'] : []),
    ...(facts.choices.has('storage') ? ['list'] : []),
  ];
  return [
    ...(verbs.length > 0 ? [rule('', 'persistentvolumes', verbs)] : []),
    ...(takesSnapshots(facts)
      ? [rule(SNAPSHOT, 'volumesnapshotclasses', ['list']), rule(SNAPSHOT, 'volumesnapshotcontents', ['get'])]
      : []),
  ];
}

function backendRules(facts: RightsFacts): Rule[] {
  const { choices, savings } = facts;
  const readsDatabase = choices.has('database') && 'way' in savings.database;
  return [
    // The releases are Secrets; their values name the database and its password.
    rule('', 'secrets', readsDatabase ? ['get', 'list'] : ['list']),
    ...ingressRules(facts),
    ...podRules({
      execs: readsDatabase || savesCopy('metrics', facts),
      makes: savesCopy('metrics', facts) || facts.externalDatabase,
    }),

    ...snapshotRules(facts, ['database', 'metrics']),
  ];
}

function productRules(facts: RightsFacts): Rule[] {
  const { choices } = facts;
  const people = PEOPLE_ELSEWHERE.filter(({ namespace }) => namespace === CLUSTER.namespace);
  return [
    rule('', 'secrets', ['list']),
    ...(choices.has('assets') ? [rule('', 'configmaps', ['list'])] : []),
    ...(choices.has('rbac')
      ? [
          rule(
            RBAC,
            'rolebindings',
            ['get'],
            people.map(({ name }) => name),
          ),
        ]
      : []),
    ...ingressRules(facts),
    ...volumeRules('prometheus', facts),
  ];
}

/** Claims and pods are looked at wherever a volume could be. */
function volumeRules(what: DataChoice, facts: RightsFacts): Rule[] {
  const copies = savesCopy(what, facts);
  return [...podRules({ execs: copies, makes: copies }), ...snapshotRules(facts, [what])];
}

function podRules({ execs, makes }: { readonly execs: boolean; readonly makes: boolean }): Rule[] {
  const gets = execs || makes ? ['get'] : [];
  const creates = makes ? ['create', 'delete'] : [];
  return [
    rule('', 'persistentvolumeclaims', ['list']),
    rule('', 'pods', ['list', ...gets, ...creates]),
    // A websocket begins with a GET; servers from 1.35 on ask for create as well.
    ...(execs ? [rule('', 'pods/exec', ['create', 'get'])] : []),
  ];
}

function ingressRules({ choices, platform }: RightsFacts): Rule[] {
  if (!choices.has('ingress')) return [];
  return [
    rule('networking.k8s.io', 'ingresses', ['list']),
    ...(platform === 'openshift' ? [rule('route.openshift.io', 'routes', ['list'])] : []),
  ];
}

function snapshotRules(facts: RightsFacts, whats: readonly DataChoice[]): Rule[] {
  return whats.some((what) => isSaved(what, 'snapshot', facts))
    ? [rule(SNAPSHOT, 'volumesnapshots', ['create', 'delete', 'get'])]
    : [];
}

function takesSnapshots(facts: RightsFacts): boolean {
  return (Object.keys(WAYS) as DataChoice[]).some((what) => isSaved(what, 'snapshot', facts));
}

function savesVolume(what: DataChoice, { choices, savings }: RightsFacts): boolean {
  return choices.has(what) && 'way' in savings[what];
}

function savesCopy(what: DataChoice, facts: RightsFacts): boolean {
  return isSaved(what, 'copy', facts);
}

function isSaved(what: DataChoice, way: string, { choices, savings }: RightsFacts): boolean {
  const saving = savings[what];
  return choices.has(what) && 'way' in saving && saving.way === way;
}

function rule(
  group: string,
  resource: string,
  verbs: readonly string[],
  resourceNames?: readonly string[],
): Rule {
  return {
    apiGroups: [group],
    resources: [resource],
    verbs: [...verbs].sort(),
    ...(resourceNames === undefined ? {} : { resourceNames }),
  };
}
