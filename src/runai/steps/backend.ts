import { BACKEND, CLUSTER, OBJECTS } from '../names.js';
import { openshiftHost } from '../platform.js';
import type { Facts, PrerequisiteChart } from '../site.js';
import { SOURCES } from '../sources.js';
import { isAtLeast } from '../version.js';
import {
  backendPath,
  claimSetting,
  dataClaims,
  losesIngress,
  movesVolumes,
  reinstallsCluster,
  upgradesBackend,
} from './paths.js';
import type { ProductStep, Settings, StepRow } from './types.js';

/** From the deletes to a control plane that is healthy again. */
export const BACKEND_STEPS: readonly StepRow[] = [
  {
    row: 'restore-secrets',
    when: 'secrets were deleted by kind (text B)',
    steps: (facts) =>
      backendPath(facts) === 'B'
        ? [
            {
              id: 'restore:secrets',
              title: 'put back TLS, CA and pull secrets that are gone',
              command: `kubectl apply -n ${BACKEND.namespace} -f SAVED-SECRETS`,
              destructive: false,
              saves: [],
              doneWhen: 'every saved TLS, CA and pull secret is there',
              source: SOURCES.ours,
              action: { kind: 'restore-secrets', namespace: BACKEND.namespace },
            },
          ]
        : [],
  },
  {
    row: 'prerequisites',
    when: 'the bundle carries charts with role prerequisite; Prometheus waits until an old cluster’s own is gone',
    steps: (facts) =>
      facts.target.prerequisites
        .filter((chart) => !waitsForUninstall(chart, facts))
        .flatMap((chart) => prerequisiteSteps(chart)),
  },
  {
    row: 'ingress-controller',
    when: 'the control plane’s own NGINX goes: source up to 2.8, target from 2.9 on, not OpenShift',
    steps: (facts) =>
      losesIngress(facts)
        ? [
            {
              id: 'check:ingress-controller',
              title: 'an ingress controller of the site is there',
              command: 'kubectl get ingressclass',
              destructive: false,
              saves: [],
              doneWhen: 'an IngressClass other than the old release’s has a controller that runs',
              source: SOURCES.upgradePage,
              action: { kind: 'check-ingress' },
            },
          ]
        : [],
  },
  {
    row: 'helm',
    when: 'the target has a control plane',
    steps: (facts) => (backendPath(facts) === 'none' ? [] : [helmStep(facts)]),
  },
  {
    row: 'wait',
    when: 'the target has a control plane',
    steps: (facts) =>
      backendPath(facts) === 'none'
        ? []
        : [
            {
              id: `wait:${BACKEND.release}`,
              title: 'the control plane is healthy',
              command: `kubectl get pods -n ${BACKEND.namespace}`,
              destructive: false,
              saves: [],
              doneWhen: 'all of its workloads are ready, and its database holds what it held before',
              source: SOURCES.ours,
              action: { kind: 'wait-healthy', ...BACKEND },
              outage: 'ends',
            },
          ],
  },
  {
    row: 'check-claims',
    when: 'claims left the chart',
    steps: (facts) => {
      const claims = dataClaims(facts).filter((claim) => facts.site.claims.includes(claim));
      if (!movesVolumes(facts) || claims.length === 0) return [];
      return [
        {
          id: 'check:claims',
          title: `${claims.join(' and ')} are the same claims, bound to the same volumes`,
          command: `kubectl get pvc -n ${BACKEND.namespace} ${claims.join(' ')}`,
          destructive: false,
          saves: [],
          doneWhen: 'UID and volume of each are those that were saved, and it is bound',
          source: SOURCES.ours,
          action: { kind: 'check-claims', namespace: BACKEND.namespace, claims },
        },
      ];
    },
  },
  {
    row: 'restore-ingress',
    when: 'an upgrade on Kubernetes, whether the ingress was deleted and made again or not: helm resets what it knows',
    steps: (facts) => {
      const { site } = facts;
      if (site.platform === 'openshift' || !site.backendIngress || !upgradesBackend(facts)) return [];
      return [
        {
          id: 'restore:ingress',
          title: 'put the hand-made patches back on the ingress',
          command: `kubectl edit ingress ${OBJECTS.backendIngress.name} -n ${BACKEND.namespace}`,
          destructive: false,
          saves: [],
          doneWhen:
            'what no chart had set is on the ingress again, or is listed where the new chart says otherwise',
          undoneBy: 'taking them away',
          source: SOURCES.ours,
          action: { kind: 'restore-ingress', ingress: OBJECTS.backendIngress },
          follows: `helm:${BACKEND.release}`,
        },
      ];
    },
  },
  {
    row: 'restore-routes',
    when: 'an upgrade on OpenShift, whether Routes were deleted and made again or not',
    steps: (facts) => {
      if (facts.site.platform !== 'openshift' || !upgradesBackend(facts)) return [];
      return [
        {
          id: 'restore:routes',
          title: 'put hand-made annotations and TLS settings back on the Routes',
          command: `oc edit routes -n ${BACKEND.namespace}`,
          destructive: false,
          saves: [],
          doneWhen:
            'what no chart had set is on each Route again, or is listed where the new chart says otherwise',
          undoneBy: 'taking them away',
          source: SOURCES.ours,
          action: { kind: 'restore-routes', namespace: BACKEND.namespace },
          follows: `helm:${BACKEND.release}`,
        },
      ];
    },
  },
];

/** Installs or upgrades a chart that the product needs, and waits for what runs of it. */
export function prerequisiteSteps(chart: PrerequisiteChart): ProductStep[] {
  const { release, namespace } = chart;
  return [
    {
      id: `prerequisite:${release}`,
      title: `install ${chart.chart} as ${release} in ${namespace}`,
      command: `helm upgrade -i ${release} ${chart.chart}.tgz -n ${namespace} --create-namespace`,
      destructive: false,
      saves: [],
      doneWhen: 'its release is deployed from this chart with these values',
      undoneBy: 'helm rollback or uninstall',
      source: SOURCES.upgradePage,
      action: { kind: 'prerequisite', chart },
    },
    {
      id: `wait:${release}`,
      title: `${chart.chart} is ready`,
      command: `kubectl get pods -n ${namespace}`,
      destructive: false,
      saves: [],
      doneWhen: 'the workloads of its release are ready',
      source: SOURCES.ours,
      action: { kind: 'wait-healthy', release, namespace, scope: 'release' },
    },
  ];
}

/** Two Prometheus operators at once would fight over the same objects. */
export function waitsForUninstall(chart: PrerequisiteChart, facts: Facts): boolean {
  return reinstallsCluster(facts) && /prometheus/.test(chart.chart);
}

function helmStep(facts: Facts): ProductStep {
  const { site, target } = facts;
  const path = backendPath(facts);
  const settings = backendSettings(facts);
  const chart = target.backend && isAtLeast(target.backend, 2, 12) ? 'control-plane' : 'runai-backend';
  return {
    id: `helm:${BACKEND.release}`,
    title:
      path === 'install'
        ? `install the control plane ${target.backend?.text}`
        : `upgrade the control plane from ${site.backend?.text} to ${target.backend?.text}`,
    command: `helm upgrade -i ${BACKEND.release} ${chart}-${target.backend?.text}.tgz -n ${BACKEND.namespace} -f VALUES`,
    destructive: false,
    saves: ['the release as Helm keeps it, and the values before and after'],
    doneWhen: 'the release’s last revision is ours: this chart, these values, deployed',
    undoneBy: 'helm rollback, and a database backup when the new version migrated it',
    source: SOURCES.upgradeSteps,
    action: { kind: 'helm', role: 'control-plane', ...BACKEND, settings },
    ...skewOf(facts),
  };
}

/** Between the two releases the control plane is the newer one, which the product allows (never the other way). */
function skewOf({ site, target }: Facts): Pick<ProductStep, 'skew'> {
  if (site.cluster === undefined || target.backend === undefined || target.cluster === undefined) return {};
  if (site.cluster.text === target.cluster.text) return {};
  const text =
    `the control plane is ${target.backend.text} and the cluster part still ${site.cluster.text}: ` +
    'allowed, because the control plane is never the older one';
  return { skew: { until: `helm:${CLUSTER.release}`, text } };
}

/** Settings that the path depends on. */
export function backendSettings(facts: Facts): Settings {
  const { site, target } = facts;
  if (target.backend === undefined) return {};
  if (!isAtLeast(target.backend, 2, 12)) return oldDomain(target.domain);
  const openshift = site.platform === 'openshift';
  const intoGlobal = site.backend === undefined || !isAtLeast(site.backend, 2, 12);
  const domain = target.domain ?? (intoGlobal ? openshiftHostOf(facts) : undefined);
  const settings: Record<string, Settings[string]> = {};
  if (domain !== undefined) settings['global.domain'] = domain;
  if (openshift) settings['global.config.kubernetesDistribution'] = 'openshift';
  if (site.backend === undefined || !intoGlobal) return settings;
  // Told to go on with a claim that is not there, the pods would wait for it for ever.
  for (const claim of dataClaims(facts))
    if (site.claims.includes(claim)) settings[claimSetting(claim)] = claim;
  if (openshift) settings['thanos.query.stores'] = ['thanos-grpc-port-forwarder:10901'];
  if (openshift && !isAtLeast(target.backend, 2, 15) && site.openshiftFirstAdmin !== undefined) {
    settings['backend.config.openshiftIdpFirstAdmin'] = site.openshiftFirstAdmin;
  }
  return settings;
}

/** Before 2.12 the name stands in two places. */
function oldDomain(domain: string | undefined): Settings {
  return domain === undefined
    ? {}
    : { 'deployment.domain': domain, 'grafana.grafana\\.ini.server.domain': domain };
}

/** Where nobody says otherwise; a release that has its domain keeps it. */
function openshiftHostOf({ site: { openshiftDomain } }: Facts): string | undefined {
  return openshiftDomain === undefined ? undefined : openshiftHost(openshiftDomain);
}
