/** As bundles name it. */
export const PRODUCT = 'runai';

/** Names that stay the same through the eras. */
export const BACKEND = { release: 'runai-backend', namespace: 'runai-backend' } as const;
export const CLUSTER = { release: 'runai-cluster', namespace: 'runai' } as const;

/** Very old clusters' release, before runai-cluster. */
export const OLD_CLUSTER_RELEASE = 'runai-operator';

/** Where charts up to 2.8 put the Prometheus that they brought. */
export const OLD_PROMETHEUS_NAMESPACE = 'monitoring';

/** An object by what identifies it; no namespace for cluster-wide ones. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** The way into a namespace on OpenShift. */
export const ROUTE = { apiVersion: 'route.openshift.io/v1', kind: 'Route' } as const;

const inBackend = (apiVersion: string, kind: string, name: string): ObjectRef => ({
  apiVersion,
  kind,
  namespace: BACKEND.namespace,
  name,
});

/** Objects that the upgrade texts name. */
export const OBJECTS = {
  backendIngress: inBackend('networking.k8s.io/v1', 'Ingress', 'runai-backend-ingress'),
  nginxDeployment: inBackend('apps/v1', 'Deployment', 'runai-backend-nginx-ingress-controller'),
  postgresSecret: inBackend('v1', 'Secret', 'runai-backend-postgresql'),
  postgresSet: inBackend('apps/v1', 'StatefulSet', 'runai-backend-postgresql'),
  keycloakSet: inBackend('apps/v1', 'StatefulSet', 'keycloak'),
  backendTls: inBackend('v1', 'Secret', 'runai-backend-tls'),
  nginxWebhook: {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    name: 'runai-backend-nginx-ingress-admission',
  },
  nginxClass: { apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', name: 'nginx' },
  kubeletService: {
    apiVersion: 'v1',
    kind: 'Service',
    namespace: 'kube-system',
    name: 'runai-cluster-kube-prometh-kubelet',
  },
  runaiConfig: { apiVersion: 'run.ai/v1', kind: 'RunaiConfig', namespace: CLUSTER.namespace, name: 'runai' },
} as const satisfies Record<string, ObjectRef>;

/** Claims of charts up to 2.11; kept in use by later ones through existingClaim. */
export const CLAIMS = { postgresql: 'pvc-postgresql', thanos: 'pvc-thanos-receive' } as const;

/** Keys of the values, from 2.12 on, that name them. */
export const CLAIM_SETTINGS = {
  postgresql: 'postgresql.primary.persistence.existingClaim',
  thanos: 'thanos.receive.persistence.existingClaim',
} as const;

/** Claims that the StatefulSets of 2.12 and later make when no existing one is named. */
export const LATER_CLAIMS = {
  postgresql: 'data-runai-backend-postgresql-0',
  thanos: 'data-runai-backend-thanos-receive-0',
  redisQueue: 'data-runai-backend-redis-queue-master-0',
} as const;

/** The private CA, and the key of the secret that it lies under. */
export const CA_SECRET = { name: 'runai-ca-cert', key: 'runai-ca.pem' } as const;

/** Secrets of the operator's own that the product reads, with the namespaces they lie in. */
export const SITE_SECRETS = [
  {
    name: 'runai-backend-tls',
    namespaces: ['runai-backend'],
    purpose: 'TLS of the control plane',
    since: '2.11',
  },
  {
    name: 'runai-ca-cert',
    namespaces: ['runai-backend', 'runai', 'openshift-monitoring'],
    purpose: 'the private CA (key runai-ca.pem)',
    since: '2.13',
  },
  {
    name: 'runai-cluster-domain-tls-secret',
    namespaces: ['runai'],
    purpose: 'TLS of the cluster',
    since: '2.8',
  },
  {
    name: 'runai-cluster-domain-star-tls-secret',
    namespaces: ['runai', 'runai-backend'],
    purpose: 'TLS of subdomains',
    since: '2.8',
  },
  {
    name: 'runai-reg-creds',
    namespaces: ['runai-backend', 'runai'],
    purpose: 'login to the private registry',
    since: '2.13',
  },
  {
    name: 'gcr-secret',
    namespaces: ['runai-backend', 'runai'],
    purpose: 'login to the vendor registry',
    since: '2.0',
  },
] as const;

/** ConfigMap in which the cluster part lists the dependencies that it requires, and the key of that list. */
export const PUBLIC_MAP = {
  namespace: CLUSTER.namespace,
  name: 'runai-public',
  key: 'dependencies.required',
} as const;
