import { PEOPLE_ELSEWHERE } from '../bindings.js';
import { CLUSTER, OBJECTS, type ObjectRef } from '../names.js';
import type { Facts } from '../site.js';
import { SOURCES } from '../sources.js';
import { prerequisiteSteps, waitsForUninstall } from './backend.js';
import { reinstallsCluster } from './paths.js';
import type { ProductStep, StepRow } from './types.js';

/** Kinds that an uninstalled cluster of 2.8 or before leaves in its namespace (newer text, without secrets). */
export const LEFTOVER_KINDS = [
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'apps/v1', kind: 'DaemonSet' },
  { apiVersion: 'batch/v1', kind: 'Job' },
  { apiVersion: 'v1', kind: 'Service' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
  { apiVersion: 'monitoring.coreos.com/v1', kind: 'ServiceMonitor' },
  { apiVersion: 'monitoring.coreos.com/v1', kind: 'PodMonitor' },
] as const;

/** Cluster-wide leftovers; cluster roles without Helm's marks would block the new chart. */
const LABELLED = [
  ['admissionregistration.k8s.io/v1', 'ValidatingWebhookConfiguration'],
  ['admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding'],
  ['rbac.authorization.k8s.io/v1', 'ClusterRole'],
].map(([apiVersion = '', kind = '']) => ({ apiVersion, kind, selector: 'app=runai' }));

/** From a healthy control plane to a healthy cluster. */
export const CLUSTER_STEPS: readonly StepRow[] = [
  {
    row: 'uninstall',
    when: 'source up to 2.8, target from 2.9 on; or source up to 2.3, target from 2.4 on',
    steps: (facts) => (reinstallsCluster(facts) ? reinstallation(facts) : []),
  },
  {
    row: 'late-prerequisites',
    when: 'the bundle carries Prometheus, and the old cluster brought its own',
    steps: (facts) =>
      facts.target.prerequisites
        .filter((chart) => waitsForUninstall(chart, facts))
        .flatMap((chart) => prerequisiteSteps(chart)),
  },
  {
    row: 'crds',
    when: 'the bundle carries CRDs; always before the cluster’s chart',
    steps: ({ target }) =>
      target.crds
        ? [
            {
              id: 'crds',
              title: 'apply the custom resource definitions',
              command: 'kubectl apply --server-side --field-manager=airgap -f runai-crds.yaml',
              destructive: false,
              saves: ['the definitions as they were'],
              doneWhen: 'every definition equals the file’s and is Established',
              source: `${SOURCES.upgradeSteps}; from 2.13 on not asked for, and harmless (2.13.0 to 2.13.12 needed it)`,
              action: { kind: 'crds' },
              lasting: true,
            },
          ]
        : [],
  },
  {
    row: 'helm',
    when: 'the target has a cluster part',
    steps: (facts) => (facts.target.cluster === undefined ? [] : clusterInstall(facts)),
  },
  {
    row: 'runaiconfig',
    when: 'a cluster part was there: reinstalled, or upgraded, which resets what the chart sets',
    steps: (facts) =>
      facts.site.cluster === undefined || facts.target.cluster === undefined ? [] : [runaiConfig(facts)],
  },
  {
    row: 'people',
    when: 'the cluster was uninstalled',
    steps: (facts) => (reinstallsCluster(facts) ? [people()] : []),
  },
];

/** Where images stay in place, a registry may give something else for a name tomorrow: only this moment is proven. */
const PROOF = {
  push: {
    title: 'every running pod’s image is one of the bundle, from the registry of the site',
    doneWhen: 'each image ID is a digest of the bundle, or it is listed',
  },
  leave: {
    title: 'every running pod’s image is what its name stood for when the spec was read',
    doneWhen: 'each image ID is a digest that the image’s own registry gave for its name, or it is listed',
  },
} as const;

export const FINISH: readonly StepRow[] = [
  {
    row: 'prove',
    when: 'there are images',
    steps: ({ target }) =>
      target.images === 'none'
        ? []
        : [
            {
              id: 'prove:images',
              ...PROOF[target.images],
              command: 'kubectl get pods -A -o jsonpath="{..imageID}"',
              destructive: false,
              saves: [],
              source: SOURCES.ours,
              action: { kind: 'prove-images' },
            },
          ],
  },
];

function runaiConfig(facts: Facts): ProductStep {
  return {
    id: 'restore:runaiconfig',
    title: 'put the customised settings back into RunaiConfig',
    command: `kubectl apply -n ${CLUSTER.namespace} -f SAVED-RUNAICONFIG`,
    destructive: false,
    saves: [],
    doneWhen: 'every setting that was customised has its saved value, or is listed as gone',
    source: `${SOURCES.backupPage}: changes are not preserved on uninstall`,
    action: {
      kind: 'restore-runaiconfig',
      object: OBJECTS.runaiConfig,
      release: facts.site.clusterRelease ?? CLUSTER.release,
      after: reinstallsCluster(facts) ? 'install' : 'upgrade',
    },
    follows: `helm:${CLUSTER.release}`,
  };
}

function people(): ProductStep {
  return {
    id: 'restore:people',
    title: 'put back the people whom somebody added to the cluster’s bindings by hand',
    command: PEOPLE_ELSEWHERE.map(({ kind, name }) => `kubectl edit ${kind.toLowerCase()} ${name}`).join(
      '\n',
    ),
    destructive: false,
    saves: [],
    doneWhen: 'every saved subject that is no service account is in the binding of the same name',
    source: SOURCES.projectPage,
    action: { kind: 'restore-subjects', bindings: PEOPLE_ELSEWHERE },
  };
}

function reinstallation({ site }: Facts): ProductStep[] {
  const release = site.clusterRelease ?? CLUSTER.release;
  const { namespace } = CLUSTER;
  const { unmarked = [] } = site;
  return [
    {
      id: `helm-uninstall:${release}`,
      title: `uninstall the cluster part ${site.cluster?.text}; the control plane keeps its projects`,
      command: `helm uninstall ${release} -n ${namespace}`,
      destructive: true,
      saves: [
        'values, manifest and release secrets',
        `secrets, config maps, roles and role bindings of ${namespace}`,
        'RunaiConfig',
      ],
      doneWhen: 'there is no such release, and its pods are gone or about to go',
      undoneBy:
        'installing the saved version with the saved values; projects come back from the control plane',
      source: `${SOURCES.clusterPage}; never remove the cluster in the UI`,
      action: { kind: 'helm-uninstall', release, namespace },
      outage: 'starts',
    },
    {
      id: 'delete:cluster-leftovers',
      title:
        'delete what the uninstalled cluster left; what is marked as another’s stays, and so do the operator’s own secrets and config maps',
      command: [
        `kubectl delete -n ${namespace} --all deployments,daemonsets,services,cm,roles,rolebindings,ingresses,servicemonitors,podmonitors`,
        'kubectl delete validatingwebhookconfigurations,mutatingwebhookconfigurations,clusterroles,clusterrolebindings -l app=runai',
        `kubectl delete service ${OBJECTS.kubeletService.name} -n ${OBJECTS.kubeletService.namespace}`,
      ].join('\n'),
      destructive: true,
      saves: ['every object that is deleted, whole'],
      ...(unmarked.length === 0 ? {} : { deletes: unmarked.map(nameOf) }),
      doneWhen: 'none of the old release’s objects is left, and no finalizer waits for its operator',
      undoneBy: 'the saved objects',
      source: SOURCES.clusterLater,
      action: {
        kind: 'delete-leftovers',
        release,
        namespace,
        kinds: LEFTOVER_KINDS,
        labelled: LABELLED,
        objects: [OBJECTS.kubeletService],
        unmarked,
        unfinalize: [OBJECTS.runaiConfig],
      },
    },
    {
      id: 'restore:cluster-secrets',
      title: 'put back TLS, CA and pull secrets of the cluster that are gone',
      command: `kubectl apply -n ${namespace} -f SAVED-SECRETS`,
      destructive: false,
      saves: [],
      doneWhen: 'every saved TLS, CA and pull secret is there',
      source: SOURCES.ours,
      action: { kind: 'restore-secrets', namespace },
    },
  ];
}

function nameOf({ kind, namespace, name }: ObjectRef): string {
  return `${kind.toLowerCase()} ${namespace}/${name}`;
}

function clusterInstall(facts: Facts): ProductStep[] {
  const { site, target } = facts;
  const fresh = site.cluster === undefined || reinstallsCluster(facts);
  return [
    {
      id: `helm:${CLUSTER.release}`,
      title: fresh
        ? `install the cluster part ${target.cluster?.text}`
        : `upgrade the cluster part from ${site.cluster?.text} to ${target.cluster?.text}`,
      command: `helm upgrade -i ${CLUSTER.release} runai-cluster-${target.cluster?.text}.tgz -n ${CLUSTER.namespace} -f VALUES`,
      destructive: false,
      saves: fresh ? [] : ['the release as Helm keeps it, and the values before and after'],
      doneWhen: 'the release’s last revision is ours: this chart, these values, deployed',
      undoneBy: fresh ? 'helm uninstall' : 'helm rollback',
      source: SOURCES.upgradeSteps,
      action: { kind: 'helm', role: 'cluster', ...CLUSTER, settings: {} },
    },
    {
      id: `wait:${CLUSTER.release}`,
      title: 'the cluster part is healthy',
      command: `kubectl get pods -n ${CLUSTER.namespace}`,
      destructive: false,
      saves: [],
      doneWhen:
        'its workloads are ready, RunaiConfig does not say otherwise, and runai-public lists nothing missing',
      source: SOURCES.crds,
      action: { kind: 'wait-healthy', ...CLUSTER },
      ...(reinstallsCluster(facts) ? { outage: 'ends' } : {}),
    },
  ];
}
