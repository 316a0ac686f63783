import { BACKEND, CLAIMS, CLUSTER, LATER_CLAIMS, OBJECTS } from '../names.js';
import { OPENSHIFT_PROJECTS } from '../platform.js';
import type { Facts } from '../site.js';
import { SOURCES } from '../sources.js';
import { crosses } from '../version.js';
import { CLUSTER_STEPS } from './cluster.js';
import { DELETES } from './deletes.js';
import { dataClaims, movesVolumes } from './paths.js';
import type { StepRow } from './types.js';

/** What is saved before anything is changed; each of them is a file of the run, readable by its owner only. */
export const SITE_SAVES: readonly string[] = [
  'user-supplied and effective values of both releases, and the NGINX flag among them',
  'Helm release secrets of both releases',
  'all secrets of both namespaces',
  'ingresses and routes',
  'claims of both namespaces and the volumes behind them',
  'RunaiConfig, projects, departments, node pools, access rules, queues and policies in their stored versions',
  'how many tables and rows each database has',
  'roles, role bindings, config maps and service accounts of both namespaces',
];

export const PREPARE: readonly StepRow[] = [
  {
    row: 'save',
    when: 'a release is installed',
    steps: ({ site }) =>
      site.backend === undefined && site.cluster === undefined
        ? []
        : [
            {
              id: 'save',
              title: 'save values, secrets, ingresses, volumes’ definitions and configuration of the site',
              command: [
                `helm get values ${BACKEND.release} -n ${BACKEND.namespace} -o yaml`,
                `helm get values ${CLUSTER.release} -n ${CLUSTER.namespace} -o yaml`,
                `kubectl get secret,ing,pvc,cm,sa -n ${BACKEND.namespace} -o yaml`,
                `kubectl get secret,ing,pvc,cm,sa,role,rolebinding,runaiconfig -n ${CLUSTER.namespace} -o yaml`,
              ].join('\n'),
              destructive: false,
              saves: SITE_SAVES,
              doneWhen: 'all of it lies in the folder of the run, with digests',
              source: `${SOURCES.upgradeSteps}; before the deletes, because they take what helm get values reads`,
              action: { kind: 'save-site' },
            },
          ],
  },
  {
    row: 'push',
    when: 'the images are carried',
    steps: ({ target }) =>
      target.images !== 'push'
        ? []
        : [
            {
              id: 'push',
              title: 'push all images of the bundle to the registry',
              command: 'airgap push BUNDLE --registry REGISTRY',
              destructive: false,
              saves: [],
              doneWhen: 'the registry gives every tag back with the digest of the bundle',
              source: SOURCES.installPage,
              action: { kind: 'push' },
              lasting: true,
            },
          ],
  },
  {
    row: 'namespaces',
    when: 'a namespace of the product is not there',
    steps: (facts) => {
      const names = missingNamespaces(facts);
      if (names.length === 0) return [];
      const verb = facts.site.platform === 'openshift' ? 'oc new-project' : 'kubectl create namespace';
      return [
        {
          id: 'namespaces',
          title: `create ${names.join(', ')}`,
          command: names.map((name) => `${verb} ${name}`).join('\n'),
          destructive: false,
          saves: [],
          doneWhen: 'the namespaces are active',
          undoneBy: 'deleting them while they are empty',
          source: SOURCES.installPage,
          action: { kind: 'create-namespaces', names },
          lasting: true,
        },
      ];
    },
  },
  {
    row: 'retain',
    when: 'claims leave the chart, or any step of the path deletes something',
    steps: (facts) => {
      const claims = retainedClaims(facts);
      if (claims.length === 0) return [];
      return [
        {
          id: 'retain:volumes',
          title: `set the volumes behind ${claims.join(' and ')} to Retain`,
          command: claims
            .map(
              (claim) =>
                `kubectl patch pv "$(kubectl get pvc ${claim} -n ${BACKEND.namespace} -o jsonpath={.spec.volumeName})" ` +
                `-p '{"spec":{"persistentVolumeReclaimPolicy":"Retain"}}'`,
            )
            .join('\n'),
          destructive: false,
          saves: ['the reclaim policies as they were'],
          doneWhen: 'every volume behind these claims has reclaim policy Retain',
          undoneBy: 'the saved reclaim policies',
          source: `${SOURCES.textC}; for the other paths ${SOURCES.ours}: the only protection that an uninstall respects`,
          action: { kind: 'retain-volumes', namespace: BACKEND.namespace, claims },
          lasting: true,
        },
      ];
    },
  },
  {
    row: 'keep',
    when: 'claims leave the chart: source before 2.11 or 2.12, target from there on; and with every delete by kind',
    steps: (facts) => {
      const claims = presentClaims(facts);
      if (!movesVolumes(facts) || claims.length === 0) return [];
      return [
        {
          id: 'keep:claims',
          title: `tell Helm to keep ${claims.join(' and ')}`,
          command: claims
            .map(
              (claim) =>
                `kubectl annotate pvc ${claim} -n ${BACKEND.namespace} helm.sh/resource-policy=keep --overwrite`,
            )
            .concat(
              '# and so kubectl annotate pv for every volume behind them that Helm made (an NFS server in the values)',
            )
            .join('\n'),
          destructive: false,
          saves: ['the claims as they were'],
          doneWhen:
            'the annotation is on every one of these claims, and on the volumes behind them that Helm made',
          undoneBy: 'taking the annotation away',
          source: `${SOURCES.upgradePage}, from 2.9 or 2.10; text C leaves it out, and Helm then deletes the claims; the volumes are ${SOURCES.ours}`,
          action: { kind: 'keep-claims', namespace: BACKEND.namespace, claims },
          lasting: true,
        },
      ];
    },
  },
  {
    row: 'tls',
    when: 'key and certificate leave the values: source before 2.11, target from 2.11 on; not on OpenShift; the secret is not there. Before the deletes: where there is no certificate, nothing was taken yet',
    steps: ({ site, target }) => {
      if (site.backend === undefined || target.backend === undefined) return [];
      if (site.platform === 'openshift' || site.backendTls || !crosses(site.backend, target.backend, 2, 11))
        return [];
      const { name } = OBJECTS.backendTls;
      return [
        {
          id: `secret:${name}`,
          title: `make the secret ${name} from the certificate in the values`,
          command: `kubectl create secret tls ${name} -n ${BACKEND.namespace} --cert CERT --key KEY`,
          destructive: false,
          saves: [],
          doneWhen: 'the secret is there, and key and certificate fit each other',
          undoneBy: 'deleting it',
          source: SOURCES.installPage,
          action: { kind: 'tls-from-values', secret: OBJECTS.backendTls },
          lasting: true,
        },
      ];
    },
  },
];

/** Where nothing but a delete is at hand, every claim that may hold data counts, of whichever era it is. */
function retainedClaims(facts: Facts): string[] {
  if (movesVolumes(facts)) return presentClaims(facts);
  const destroys = [...DELETES, ...CLUSTER_STEPS].some((row) =>
    row.steps(facts).some(({ destructive }) => destructive),
  );
  const known: readonly string[] = [...Object.values(CLAIMS), LATER_CLAIMS.postgresql, LATER_CLAIMS.thanos];
  return destroys ? known.filter((claim) => facts.site.claims.includes(claim)) : [];
}

function presentClaims(facts: Facts): string[] {
  return dataClaims(facts).filter((claim) => facts.site.claims.includes(claim));
}

function missingNamespaces({ site, target }: Facts): string[] {
  const own = [
    ...(target.backend ? [BACKEND.namespace] : []),
    ...(target.cluster ? [CLUSTER.namespace] : []),
  ];
  const projects = site.platform === 'openshift' && target.cluster ? OPENSHIFT_PROJECTS : [];
  const others = target.prerequisites.map(({ namespace }) => namespace);
  const wanted = [...new Set([...own, ...projects, ...others])];
  return wanted.filter((name) => !site.namespaces.includes(name));
}
