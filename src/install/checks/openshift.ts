import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import { openshiftHost } from '../../runai/platform.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { judgeTlsSecret } from './tls.js';
import type { Check, CheckContext, Row } from './types.js';

const ROUTER: Row = { id: 'openshift.router', title: 'certificate of the router' };
const IDENTITY: Row = { id: 'openshift.identity', title: 'identity provider' };
const FEATURES: Row = { id: 'openshift.nfd', title: 'Node Feature Discovery' };
const OPERATOR = { name: 'default', namespace: 'openshift-ingress-operator' };
const ROUTER_NAMESPACE = 'openshift-ingress';

const CONTROLLERS: Resource = {
  apiVersion: 'operator.openshift.io/v1',
  kind: 'IngressController',
  plural: 'ingresscontrollers',
  namespaced: true,
};
const OAUTHS: Resource = {
  apiVersion: 'config.openshift.io/v1',
  kind: 'OAuth',
  plural: 'oauths',
  namespaced: false,
};
const DISCOVERIES: Resource = {
  apiVersion: 'nfd.openshift.io/v1',
  kind: 'NodeFeatureDiscovery',
  plural: 'nodefeaturediscoveries',
  namespaced: true,
};

/** What the vendor asks of OpenShift besides its version: certificate, identity provider, feature discovery. */
export const openshiftChecks: readonly Check[] = [
  {
    row: ROUTER,
    applies: isOpenshift,
    run: async (context) => [await checkRouter(context)],
  },
  {
    row: IDENTITY,
    applies: isOpenshift,
    run: async ({ client, signal }) => {
      const oauth = await client.get(OAUTHS, { name: 'cluster' }, { signal });
      const providers = valueAt(oauth, ['spec', 'identityProviders']);
      const names = (Array.isArray(providers) ? providers : []).map((one) => String(valueAt(one, ['name'])));
      return [judgeIdentity(names)];
    },
  },
  {
    row: FEATURES,
    applies: (context) =>
      isOpenshift(context) && context.bundle.manifest.charts.some(({ role }) => role === 'cluster'),
    run: async ({ client, signal }) => {
      const found = await client.list(DISCOVERIES, { signal });
      return [judgeDiscovery(found.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`))];
    },
  },
];

function isOpenshift({ site }: CheckContext): boolean {
  return site.product.platform === 'openshift';
}

/** The certificate that the product’s Routes are served with. */
async function checkRouter({ client, site, signal, now }: CheckContext): Promise<Finding> {
  const { openshiftDomain } = site.product;
  const controller = await client.get(CONTROLLERS, OPERATOR, { signal });
  const name = valueAt(controller, ['spec', 'defaultCertificate', 'name']);
  if (typeof name !== 'string')
    return {
      ...ROUTER,
      outcome: 'warn',
      seen: 'the router has the certificate that OpenShift made for itself',
      expected: 'a certificate that browsers and clusters trust',
      advice: 'give the router a certificate of the site’s CA, or make runai-ca-cert of the router’s CA',
    };
  const place = { name, namespace: ROUTER_NAMESPACE };
  const secret = await client.get(RESOURCES.secrets, place, { signal });
  const finding = judgeTlsSecret(ROUTER, {
    where: `${ROUTER_NAMESPACE}/${name}`,
    trusted: await readAuthority(client, signal),
    now: now(),
    ...(secret === undefined ? {} : { secret }),
    ...(openshiftDomain === undefined ? {} : { domain: openshiftHost(openshiftDomain) }),
  });
  // It is the site’s own, and the product runs behind a bad one too.
  return finding.outcome === 'fail' ? { ...finding, outcome: 'warn' } : finding;
}

async function readAuthority(client: KubeClient, signal: AbortSignal): Promise<string> {
  const place = { name: 'runai-ca-cert', namespace: 'runai-backend' };
  const secret = await client.get<KubeObject>(RESOURCES.secrets, place, { signal });
  return Buffer.from(String(valueAt(secret, ['data', 'runai-ca.pem']) ?? ''), 'base64').toString('utf8');
}

export function judgeIdentity(providers: readonly string[]): Finding {
  if (providers.length > 0) return { ...IDENTITY, outcome: 'pass', seen: providers.join(', ') };
  return {
    ...IDENTITY,
    outcome: 'warn',
    seen: 'OpenShift has no identity provider',
    expected: 'one that people log in by; kubeadmin alone is none',
    advice: 'configure one: oc edit oauth cluster',
  };
}

export function judgeDiscovery(found: readonly string[]): Finding {
  if (found.length > 0) return { ...FEATURES, outcome: 'pass', seen: found.join(', ') };
  return {
    ...FEATURES,
    outcome: 'warn',
    seen: 'Node Feature Discovery is not installed, or has no instance',
    advice: 'install the NFD operator and make an instance; the GPU operator needs its labels',
  };
}
