import { SOURCES } from '../sources.js';

/** What becomes of an old key. */
export type Outcome =
  /** The value goes to these keys; what `**` stood for is appended. */
  | { readonly to: readonly string[]; readonly value?: (old: unknown) => unknown; readonly inferred?: true }
  /** Not needed any more; nothing is lost. */
  | { readonly dropped: string }
  /** A customisation without an equivalent: the operator must know. */
  | { readonly lost: string };

export interface KeyRule {
  /** Dotted; `*` stands for one segment, `**` at either end for any number. */
  readonly from: string;
  readonly outcome: Outcome;
  readonly source: string;
}

/** The rules that hold when an upgrade passes the beginning of a minor release. */
export interface Transition {
  readonly role: 'control-plane' | 'cluster';
  /** Minor release of major version 2. */
  readonly at: number;
  /** `strict`: the key families differ, so a key in no rule must have a place in the new chart. */
  readonly rest: 'carried' | 'strict';
  readonly rules: readonly KeyRule[];
}

const page = SOURCES.upgradeSteps;
const notes = SOURCES.textC;
const bitnami = `${SOURCES.inferred}: keys of the PostgreSQL chart from version 11 on`;

const rule = (from: string, outcome: Outcome, source: string = notes): KeyRule => ({ from, outcome, source });

const OWN_INGRESS = 'the ingress controller is the site’s own now; carry the setting over there by hand';
const GONE_WITH_NGINX = 'an image of the NGINX that goes';
const OWN_PROMETHEUS = 'Prometheus is the site’s own now; carry the setting over there by hand';

export const TRANSITIONS: readonly Transition[] = [
  {
    role: 'control-plane',
    at: 9,
    rest: 'carried',
    rules: [
      rule('nginx-ingress.enabled', { dropped: 'the chart has no NGINX any more' }, SOURCES.upgradePage),
      rule(
        'nginx-ingress.controller.service.externalIPs',
        { dropped: 'the addresses are the site’s ingress controller’s' },
        page,
      ),
      rule('nginx-ingress.controller.image.**', { dropped: GONE_WITH_NGINX }, SOURCES.upgradePage),
      rule(
        'nginx-ingress.controller.admissionWebhooks.patch.image.**',
        { dropped: GONE_WITH_NGINX },
        SOURCES.upgradePage,
      ),
      rule('nginx-ingress.**', { lost: OWN_INGRESS }, SOURCES.upgradePage),
      rule('pspEnabled', { dropped: 'pod security policies were removed in 2.9' }, SOURCES.releaseNotes),
      rule('postgresql.postgresqlUsername', { to: ['postgresql.auth.username'], inferred: true }, bitnami),
      rule('postgresql.postgresqlPassword', { to: ['postgresql.auth.password'], inferred: true }, bitnami),
      rule(
        'postgresql.postgresqlPostgresPassword',
        { to: ['postgresql.auth.postgresPassword'], inferred: true },
        bitnami,
      ),
      rule('postgresql.postgresqlDatabase', { to: ['postgresql.auth.database'], inferred: true }, bitnami),
    ],
  },
  {
    role: 'control-plane',
    at: 11,
    rest: 'carried',
    rules: [
      rule(
        'backend.https.**',
        { dropped: 'the certificate is in the secret runai-backend-tls' },
        SOURCES.installPage,
      ),
    ],
  },
  {
    role: 'control-plane',
    at: 12,
    rest: 'strict',
    rules: [
      rule('**.image.repository', { dropped: 'images come from the bundle' }),
      rule('**.image.registry', { dropped: 'images come from the bundle' }),
      rule('deployment.domain', { to: ['global.domain'] }),
      rule('grafana.grafana\\.ini.server.domain', { dropped: 'follows global.domain' }),
      rule('backend.privateRegistryAddress', { to: ['global.imageRegistry', 'global.image.registry'] }),
      rule('backend.isAirgapped', { dropped: 'there is no such mode any more' }),
      rule('openshift', {
        to: ['global.config.kubernetesDistribution'],
        value: (old) => (old === true ? 'openshift' : undefined),
      }),
      rule(
        'backend.openshiftIdp.firstAdmin',
        { to: ['backend.config.openshiftIdpFirstAdmin'], value: (old) => (old === '' ? undefined : old) },
        SOURCES.textNewOcp,
      ),
      rule(
        'backend.openshiftIdp.**',
        {
          dropped:
            'made by the old values generator; OpenShift is told by global.config.kubernetesDistribution',
        },
        SOURCES.textNewOcp,
      ),
      rule('postgresql.auth.username', { to: ['global.postgresql.auth.username'] }),
      rule('postgresql.auth.password', { to: ['global.postgresql.auth.password'] }),
      rule('postgresql.auth.postgresPassword', { to: ['global.postgresql.auth.postgresPassword'] }),
      rule('postgresql.auth.database', { to: ['global.postgresql.auth.database'], inferred: true }, bitnami),
      rule('postgresql.auth.existingSecret', { to: ['global.postgresql.auth.existingSecret'] }),
      rule('postgresql.persistence.storageClassName', {
        to: ['postgresql.primary.persistence.storageClass'],
      }),
      rule(
        'postgresql.persistence.size',
        { to: ['postgresql.primary.persistence.size'], inferred: true },
        bitnami,
      ),
      rule('postgresql.persistence.nfs.**', {
        dropped: 'the volume is there already and goes on as existingClaim',
      }),
      rule('global.db.user', { to: ['global.postgresql.auth.username'] }),
      rule('global.db.password', { to: ['global.postgresql.auth.password'] }),
      rule('global.db.dbName', { to: ['global.postgresql.auth.database'], inferred: true }, bitnami),
      rule('thanos.receive.persistence.storageClassName', {
        to: ['thanos.receive.persistence.storageClass'],
      }),
      rule('thanos.receive.persistence.nfs.**', {
        dropped: 'the volume is there already and goes on as existingClaim',
      }),
      rule('keycloak.adminUser', { to: ['keycloakx.adminUser'], inferred: true }),
      rule('keycloak.adminPassword', { to: ['keycloakx.adminPassword'], inferred: true }),
      rule('keycloak.**', { lost: 'the identity provider’s chart is another; its keys are keycloakx.*' }),
      rule('global.grafana.dbUser', { to: ['grafana.dbUser'] }),
      rule('global.grafana.dbPassword', { to: ['grafana.dbPassword'] }),
      rule('**.image.tag', { lost: 'an image was pinned; the bundle decides about images' }),
    ],
  },
  {
    role: 'control-plane',
    at: 15,
    rest: 'carried',
    rules: [
      rule(
        'backend.config.openshiftIdpFirstAdmin',
        { dropped: 'gone in 2.15; the first administrator is kept in the identity provider' },
        SOURCES.textNewOcp,
      ),
    ],
  },
  {
    role: 'cluster',
    at: 9,
    rest: 'carried',
    rules: [
      rule(
        'kube-prometheus-stack.enabled',
        { dropped: 'the chart brings no Prometheus any more' },
        SOURCES.prerequisites,
      ),
      rule('kube-prometheus-stack.**', { lost: OWN_PROMETHEUS }, SOURCES.prerequisites),
      rule(
        'prometheus-adapter.enabled',
        { dropped: 'the chart brings no adapter any more' },
        SOURCES.prerequisites,
      ),
      rule('prometheus-adapter.**', { lost: OWN_PROMETHEUS }, SOURCES.prerequisites),
      rule('ingress-nginx.enabled', { dropped: 'the chart brings no NGINX any more' }, SOURCES.prerequisites),
      rule('ingress-nginx.**', { lost: OWN_INGRESS }, SOURCES.prerequisites),
      rule('pspEnabled', { dropped: 'pod security policies were removed in 2.9' }, SOURCES.releaseNotes),
    ],
  },
  {
    role: 'cluster',
    at: 15,
    rest: 'strict',
    rules: [
      rule(
        'runai-operator.config.global.image.registry',
        { to: ['global.image.registry'] },
        SOURCES.clusterLater,
      ),
      rule(
        'runai-operator.config.runaiBackend.password',
        { lost: 'the cluster logs in with controlPlane.clientSecret now, which the control plane hands out' },
        SOURCES.clusterLater,
      ),
      rule('runai-operator.config.**', { to: ['clusterConfig'], inferred: true }, SOURCES.clusterLater),
    ],
  },
];

/** Keys that a cluster of 2.15 or later cannot do without; they come from the control plane, not from a chart. */
export const CLUSTER_IDENTITY_KEYS = [
  'controlPlane.url',
  'controlPlane.clientSecret',
  'cluster.uid',
  'cluster.url',
] as const;

/** Renamed within an era at a release that no text names: decided by which of them the new chart has. */
export const CHART_DECIDED: readonly { readonly from: string; readonly to: string }[] = [
  { from: 'redis.auth.password', to: 'redisCache.auth.password' },
  { from: 'redis.auth.existingSecret', to: 'redisCache.auth.existingSecret' },
];
