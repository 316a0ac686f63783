/** What a site of an era looks like before it is upgraded. */
export interface Source {
  readonly id: string;
  readonly version: string;
  /** Put up with the vendor's own commands: airgap has never seen the site. Else by `airgap install`. */
  readonly by?: 'hand';
  /** Where NGINX comes from: the release's own, another one that somebody runs, or none. */
  readonly nginx: 'own' | 'foreign' | 'none';
  /** Where the control plane's certificate is. */
  readonly tls: 'values' | 'secret';
  /** Customised values of the control plane; without the certificate. */
  readonly backend: Readonly<Record<string, unknown>>;
  /** Customised values of the cluster part. */
  readonly cluster: Readonly<Record<string, unknown>>;
  /** Customisations that no newer chart has a place for: the first install must stop and name them. */
  readonly lost: readonly string[];
}

/** A way through the matrix. */
export interface Path {
  readonly from: string;
  readonly to: string;
  readonly helm: HelmName;
  /** Killed at every boundary of every step, and compared with the undisturbed run. */
  readonly kills?: true;
}

/** Names in the tool cache: helm 3, helm 4, and the oldest helm that airgap takes. */
export type HelmName = 'helm3' | 'helm4' | 'helm-old';

/** Secrets of the site that must go on being what they are. */
export const PASSWORDS = {
  user: 'own-user-pw',
  superuser: 'own-super-pw',
  keycloak: 'own-admin-pw',
  grafana: 'own-grafana-pw',
} as const;

export const DOMAIN = 'runai.test';

const OLD = {
  deployment: { domain: DOMAIN },
  backend: { logLevel: 'debug' },
  keycloak: { adminUser: 'root', adminPassword: PASSWORDS.keycloak },
  global: { grafana: { dbPassword: PASSWORDS.grafana } },
};

const FIRST = {
  ...OLD,
  postgresql: { postgresqlPassword: PASSWORDS.user, postgresqlPostgresPassword: PASSWORDS.superuser },
};

const MIDDLE = {
  ...OLD,
  postgresql: { auth: { password: PASSWORDS.user, postgresPassword: PASSWORDS.superuser } },
};

const GLOBAL = {
  global: {
    domain: DOMAIN,
    ingress: { ingressClass: 'haproxy' },
    postgresql: { auth: { password: PASSWORDS.user, postgresPassword: PASSWORDS.superuser } },
  },
  backend: { logLevel: 'debug' },
  keycloakx: { adminUser: 'root', adminPassword: PASSWORDS.keycloak },
  grafana: { dbPassword: PASSWORDS.grafana },
};

const CLUSTER = { 'runai-operator': { config: { 'project-controller': { createNamespaces: false } } } };

export const SOURCES: readonly Source[] = [
  {
    id: '2.8',
    version: '2.8.20',
    nginx: 'own',
    tls: 'values',
    backend: {
      ...FIRST,
      'nginx-ingress': {
        controller: {
          service: { externalIPs: ['10.99.0.9'] },
          config: { 'proxy-body-size': '20m' },
        },
      },
    },
    cluster: { ...CLUSTER, 'kube-prometheus-stack': { prometheus: { retention: '30d' } } },
    lost: ['nginx-ingress.controller.config.proxy-body-size', 'kube-prometheus-stack.prometheus.retention'],
  },
  {
    id: '2.8-foreign',
    version: '2.8.20',
    nginx: 'foreign',
    tls: 'values',
    backend: { ...FIRST, 'nginx-ingress': { enabled: false } },
    // Its operator never answers the finalizer: what a cluster leaves when it is uninstalled in a hurry.
    cluster: { ...CLUSTER, standin: { runaiconfigFinalizer: true } },
    lost: [],
  },
  {
    id: '2.9',
    version: '2.9.25',
    by: 'hand',
    nginx: 'none',
    tls: 'values',
    backend: MIDDLE,
    cluster: CLUSTER,
    lost: [],
  },
  {
    id: '2.10',
    version: '2.10.11',
    nginx: 'none',
    tls: 'values',
    backend: MIDDLE,
    cluster: CLUSTER,
    lost: [],
  },
  {
    id: '2.11',
    version: '2.11.4',
    by: 'hand',
    nginx: 'none',
    tls: 'secret',
    backend: MIDDLE,
    cluster: CLUSTER,
    lost: [],
  },
  {
    id: '2.12',
    version: '2.12.3',
    by: 'hand',
    nginx: 'none',
    tls: 'secret',
    backend: GLOBAL,
    cluster: CLUSTER,
    lost: [],
  },
  {
    id: '2.13',
    version: '2.13.66',
    by: 'hand',
    nginx: 'none',
    tls: 'secret',
    backend: GLOBAL,
    cluster: CLUSTER,
    lost: [],
  },
];

/** From every era, to the release that ends each group of steps (2.10, 2.11, 2.13) and beyond, with each helm. */
export const PATHS: readonly Path[] = [
  { from: '2.8', to: '2.10.11', helm: 'helm-old' },
  ...both('2.8', '2.13.66', 'helm3'),
  ...both('2.8-foreign', '2.11.4', 'helm4'),
  ...both('2.8-foreign', '2.16.79'),
  ...both('2.9', '2.11.4'),
  ...both('2.9', '2.13.66'),
  ...both('2.10', '2.11.4', 'helm3'),
  ...both('2.10', '2.16.79'),
  ...both('2.11', '2.13.66', 'helm4'),
  ...both('2.12', '2.16.79'),
  ...both('2.13', '2.16.79', 'helm3'),
  ...both('2.13', '2.20.4'),
];

/** With helm 3 and helm 4; one of them also killed at every step. */
function both(from: string, to: string, killed?: HelmName): Path[] {
  return (['helm3', 'helm4'] as const).map((helm) => ({
    from,
    to,
    helm,
    ...(helm === killed ? { kills: true as const } : {}),
  }));
}

export function sourceOf(id: string): Source {
  const found = SOURCES.find((source) => source.id === id);
  if (found === undefined) throw new Error(`no source ${id}`);
  return found;
}

/** What the target cannot do without, as an operator would give it: option and value in turn. */
export function targetFlags(to: string): string[] {
  const minor = Number(to.split('.')[1]);
  return [
    ...(minor < 12 ? [] : ['--backend-set', 'global.ingress.ingressClass=haproxy']),
    ...(minor < 15 ? [] : IDENTITY),
  ];
}

/** What a control plane hands out to a cluster of 2.15 or later. */
export const IDENTITY: readonly string[] = ['url', 'clientSecret']
  .map((key) => `controlPlane.${key}=${key === 'url' ? `https://${DOMAIN}` : 'of-the-control-plane'}`)
  .concat(`cluster.url=https://${DOMAIN}`, 'cluster.uid=00000000-0000-4000-8000-000000000001')
  .flatMap((setting) => ['--cluster-set', setting]);
