import { homeOf, type ImageUse, valuesOf } from '../../images.js';
import { mergeValues, setValue, type Values } from '../text.js';
import type { BackendContext } from './names.js';
import { missing } from './services.js';

/** What default values are made with: the digests of pinned images, and the registry of a test. */
export interface ValueOptions {
  readonly digestOf: (use: ImageUse) => string;
  readonly registry?: string;
  readonly full: boolean;
}

/** The control plane's values.yaml, with the keys of its era. */
export function backendValues(context: BackendContext, options: ValueOptions): Values {
  const values: Values = mergeValues({ standin: { full: options.full } }, KEYS[context.era.keys](context));
  if (context.era.keys === 'global') {
    setValue(values, ['global', 'image', 'registry'], homeOf(context.era.images.backend, options.registry));
  }
  const uses = [...backendUses(context), ...missingUses(context)];
  for (const use of uses) {
    setValue(values, use.key, valuesOf(use, options.digestOf(use), options.registry));
  }
  return values;
}

/** The image that a fault asks for: in the values, and made by nobody. */
function missingUses({ fault, services }: BackendContext): readonly ImageUse[] {
  if (fault !== 'missing-image') return [];
  return services.filter(({ name }) => name === 'backend').map(({ use }) => missing(use));
}

/** Every place of the control plane's templates that names an image. */
export function backendUses({ parts, services }: BackendContext): readonly ImageUse[] {
  const { shell, ...others } = parts;
  const used = services.flatMap(({ use, sidecar }) => (sidecar ? [use, sidecar] : [use]));
  return [...Object.values(others), shell.postgresql, shell.thanos, ...used].filter(
    (use) => use !== undefined,
  );
}

const SIZE = '1Gi';
const NFS = { server: '', path: '' };

const KEYS: Record<BackendContext['era']['keys'], (context: BackendContext) => Values> = {
  first: ({ era }) => ({
    ...oldKeys(),
    pspEnabled: false,
    'nginx-ingress': { enabled: era.nginx, controller: { service: { externalIPs: [] } } },
    postgresql: {
      postgresqlUsername: 'backend',
      postgresqlPassword: 'password',
      postgresqlPostgresPassword: 'password',
      postgresqlDatabase: 'backend',
      persistence: { storageClassName: '', size: SIZE, nfs: NFS },
    },
  }),
  middle: () => ({
    ...oldKeys(),
    postgresql: {
      auth: { username: 'backend', password: 'password', postgresPassword: 'password', database: 'backend' },
      persistence: { storageClassName: '', size: SIZE, nfs: NFS },
    },
  }),
  global: ({ version }) => globalKeys(version.minor),
};

/** Keys that all charts up to 2.11 have. */
function oldKeys(): Values {
  return {
    global: {
      imageRegistry: '',
      db: { user: 'backend', password: 'password', dbName: 'backend' },
      grafana: { dbUser: 'grafana', dbPassword: 'grafana' },
    },
    deployment: { domain: '' },
    openshift: false,
    backend: {
      isAirgapped: false,
      privateRegistryAddress: '',
      logLevel: 'info',
      gcrSecret: '',
      https: { enabled: true, key: '', crt: '' },
      openshiftIdp: { enabled: false, baseUrl: '', secret: '', firstAdmin: '' },
    },
    keycloak: { adminUser: 'admin', adminPassword: 'admin' },
    grafana: { 'grafana.ini': { server: { domain: '' } } },
    thanos: { receive: { persistence: { storageClassName: '', size: SIZE, nfs: NFS } } },
  };
}

/** Keys of the control-plane chart, from 2.12 on. */
function globalKeys(minor: number): Values {
  const persistence = { existingClaim: '', storageClass: '', size: SIZE };
  const redisAuth = { auth: { password: 'redis', existingSecret: '' } };
  return {
    global: {
      domain: '',
      imageRegistry: '',
      image: { registry: '' },
      imagePullSecrets: [],
      ingress: { ingressClass: 'nginx', tlsSecretName: 'runai-backend-tls' },
      config: { kubernetesDistribution: '' },
      customCA: { enabled: false },
      keycloakx: { host: '' },
      postgresql: {
        auth: {
          host: '',
          port: 5432,
          username: 'backend',
          password: 'password',
          postgresPassword: 'password',
          database: 'backend',
          existingSecret: '',
          dbSslMode: 'disable',
        },
      },
    },
    backend: {
      logLevel: 'info',
      config: {
        privateRegistryAddress: '',
        openshiftIdpFirstAdmin: '',
        clusterInstallation: { helmRegistryUrl: 'https://run-ai-charts.storage.googleapis.com' },
      },
    },
    postgresql: { enabled: true, primary: { persistence, initdb: { password: '' } } },
    thanos: { receive: { persistence }, query: { stores: [] } },
    keycloakx: { adminUser: 'admin', adminPassword: 'admin', existingSecret: '' },
    grafana: {
      dbUser: 'grafana',
      dbPassword: 'grafana',
      db: { existingSecret: '' },
      adminUser: 'admin',
      adminPassword: 'admin',
      admin: { existingSecret: '' },
    },
    ...(minor < 16 ? { redis: { auth: { password: 'redis' } } } : { redisCache: redisAuth }),
    redisQueue: { master: { persistence }, ...(minor < 16 ? {} : redisAuth) },
  };
}
