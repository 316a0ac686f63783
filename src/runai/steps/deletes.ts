import { BACKEND, OBJECTS, type ObjectRef, ROUTE } from '../names.js';
import { SOURCES } from '../sources.js';
import { crosses, isAtLeast } from '../version.js';
import { backendPath } from './paths.js';
import type { ProductStep, StepRow } from './types.js';

const WORKLOAD_KINDS = [
  { apiVersion: 'apps/v1', kind: 'Deployment' },
  { apiVersion: 'apps/v1', kind: 'StatefulSet' },
  { apiVersion: 'v1', kind: 'Service' },
] as const;
const INGRESS = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' } as const;
const ACCOUNT = { apiVersion: 'v1', kind: 'ServiceAccount' } as const;

/** The deletes that upgrade texts ask for before the control plane's chart, in their order. */
export const DELETES: readonly StepRow[] = [
  {
    row: 'nginx-deployment',
    when: 'source up to 2.5, target 2.6 to 2.8, NGINX enabled, not OpenShift',
    steps: ({ site, target }) => {
      if (site.backend === undefined || target.backend === undefined) return [];
      const applies = !isAtLeast(site.backend, 2, 6) && !isAtLeast(target.backend, 2, 9) && site.nginxEnabled;
      const same = !crosses(site.backend, target.backend, 2, 6);
      if (!applies || same || site.platform === 'openshift') return [];
      return [
        {
          ...deletion(OBJECTS.nginxDeployment),
          source: SOURCES.before26,
          outage: 'starts',
        },
      ];
    },
  },
  {
    row: 'workloads-by-kind',
    when: 'source up to 2.8, target 2.9 to 2.11 (text B)',
    steps: (facts) => {
      if (backendPath(facts) !== 'B') return [];
      const way = facts.site.platform === 'openshift' ? ROUTE : INGRESS;
      const kinds = [...WORKLOAD_KINDS, way, ACCOUNT];
      return [
        {
          id: 'delete:workloads',
          title:
            'delete the control plane’s deployments, stateful sets, services, ways in and service accounts',
          command:
            `kubectl delete -n ${BACKEND.namespace} -l app.kubernetes.io/managed-by=Helm ` +
            `deployments,statefulsets,services,${facts.site.platform === 'openshift' ? 'routes' : 'ingresses'},serviceaccounts`,
          destructive: true,
          saves: ['every object that is deleted, whole', 'hand-made patches of the ingress among them'],
          doneWhen: 'none of the release’s own objects of these kinds, and none of their pods, is left',
          undoneBy: 'helm rollback, and the saved objects',
          source:
            facts.site.platform === 'openshift'
              ? SOURCES.textOldOcp
              : `${SOURCES.textB}; claims and volumes stay`,
          action: { kind: 'delete-owned', namespace: BACKEND.namespace, release: BACKEND.release, kinds },
          outage: 'starts',
        },
        {
          id: 'delete:secrets',
          title: 'delete the control plane’s own secrets, never those of Helm’s releases',
          command:
            `kubectl get secret -n ${BACKEND.namespace} --field-selector type!=helm.sh/release.v1 -o name | ` +
            `xargs kubectl delete -n ${BACKEND.namespace}`,
          destructive: true,
          saves: ['every secret of the namespace, whole'],
          doneWhen:
            'none of the release’s own secrets is left; Helm’s release secrets and the operator’s own are',
          undoneBy: 'the saved secrets',
          source: SOURCES.textB,
          action: {
            kind: 'delete-owned',
            namespace: BACKEND.namespace,
            release: BACKEND.release,
            kinds: [{ apiVersion: 'v1', kind: 'Secret' }],
          },
        },
      ];
    },
  },
  {
    row: 'ingress',
    when: 'source up to 2.10 with a target of 2.11, or source up to 2.11 with a target from 2.12 on; not on OpenShift',
    steps: (facts) => {
      const paths = ['C', 'release-volumes', 'to-global'];
      const { site } = facts;
      if (site.platform === 'openshift' || !paths.includes(backendPath(facts)) || !site.backendIngress)
        return [];
      return [
        {
          ...deletion(OBJECTS.backendIngress),
          saves: ['the ingress, with its hand-made patches'],
          source: SOURCES.upgradePage,
          outage: 'starts',
        },
      ];
    },
  },
  {
    row: 'postgres',
    when: 'source up to 2.8, target from 2.12 on (text C)',
    steps: (facts) => {
      if (backendPath(facts) !== 'C') return [];
      const source = facts.site.platform === 'openshift' ? SOURCES.textNewOcp : SOURCES.textC;
      return [
        {
          ...deletion(OBJECTS.postgresSecret),
          title: 'delete the secret with the database’s passwords; they come back under the new keys',
          source,
          outage: 'starts',
        },
        { ...deletion(OBJECTS.keycloakSet), source },
        {
          ...deletion(OBJECTS.postgresSet),
          doneWhen: 'neither the stateful set nor its pod is left; its claim is',
          source,
        },
      ];
    },
  },
  {
    row: 'kubelet-service',
    when: 'source up to 2.8, target from 2.9 on; on OpenShift up to 2.11 only; the service is there',
    steps: (facts) => {
      const path = backendPath(facts);
      const applies = path === 'B' || (path === 'C' && facts.site.platform === 'kubernetes');
      if (!applies || !facts.site.kubeletService) return [];
      return [
        {
          ...deletion(OBJECTS.kubeletService),
          doneWhen: 'the object with the saved UID is gone; Prometheus may have made another',
          undoneBy: 'nothing needed: the Prometheus that wants it makes it again',
          source: facts.site.platform === 'openshift' ? SOURCES.textOldOcp : SOURCES.upgradePage,
        },
      ];
    },
  },
  {
    row: 'nginx-cluster-wide',
    when: 'source up to 2.8, target from 2.9 on, not OpenShift; NGINX enabled in the release’s own values, and the object belongs to that release',
    steps: (facts) => {
      const { site } = facts;
      const path = backendPath(facts);
      if (site.platform === 'openshift' || !site.nginxEnabled || (path !== 'B' && path !== 'C')) return [];
      const source = `${SOURCES.upgradePage}; only when NGINX is the release’s own`;
      return [
        ...(site.nginxOwned.webhook ? [{ ...deletion(OBJECTS.nginxWebhook), source }] : []),
        ...(site.nginxOwned.ingressClass ? [{ ...deletion(OBJECTS.nginxClass), source }] : []),
      ];
    },
  },
];

/** The deletion of one object by name; its UID is fixed when it is saved. */
function deletion(object: ObjectRef): ProductStep {
  const kind = object.kind.toLowerCase();
  const place = object.namespace === undefined ? '' : ` -n ${object.namespace}`;
  const elsewhere = object.namespace === undefined || object.namespace === BACKEND.namespace;
  return {
    id: `delete:${kind}/${elsewhere ? '' : `${object.namespace}/`}${object.name}`,
    title: `delete ${kind} ${object.name}`,
    command: `kubectl delete ${kind} ${object.name}${place}`,
    destructive: true,
    saves: [`${kind} ${object.name}, whole`],
    doneWhen: 'the object with the saved UID is gone',
    undoneBy: 'the saved object',
    source: SOURCES.upgradePage,
    action: { kind: 'delete-objects', objects: [object] },
  };
}
