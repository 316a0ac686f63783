import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { BACKEND, CLUSTER } from '../../runai/names.js';
import { isAtLeast } from '../../runai/version.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { judgeCertificate } from './certificate.js';
import { readClocks } from './clock.js';
import { readDomain } from './dns.js';
import type { Check, CheckContext, Row } from './types.js';

/** A TLS secret of the product, where it has to be and from which release on. */
interface TlsSecret {
  readonly row: Row;
  readonly name: string;
  readonly namespace: string;
  readonly role: 'control-plane' | 'cluster';
  readonly since: number;
}

const SECRETS: readonly TlsSecret[] = [
  {
    row: { id: 'tls.backend', title: 'TLS of the control plane' },
    name: 'runai-backend-tls',
    namespace: BACKEND.namespace,
    role: 'control-plane',
    since: 11,
  },
  {
    row: { id: 'tls.cluster', title: 'TLS of the cluster' },
    name: 'runai-cluster-domain-tls-secret',
    namespace: CLUSTER.namespace,
    role: 'cluster',
    since: 8,
  },
];

export const tlsChecks: readonly Check[] = SECRETS.map((secret) => ({
  row: secret.row,
  applies: ({ site, release, bundle }) =>
    site.product.platform === 'kubernetes' &&
    bundle.manifest.charts.some(({ role }) => role === secret.role) &&
    (release === undefined || isAtLeast(release, 2, secret.since)),
  run: async (context) => [{ ...(await checkSecret(secret, context)), ...secret.row }],
}));

async function checkSecret(secret: TlsSecret, context: CheckContext): Promise<Finding> {
  const { client, now, signal, made } = context;
  const { name, namespace, row, role } = secret;
  const found = await client.get(RESOURCES.secrets, { name, namespace }, { signal });
  const planned = made.plan.steps.some(
    (step) => valueAt(step.input, ['action', 'kind']) === 'tls-from-values' && step.id.includes(name),
  );
  if (found === undefined && planned)
    return { ...row, outcome: 'pass', seen: 'is made from the values of the release that runs' };
  const clocks = await readClocks(client, { now, signal });
  const trusted = await readCa(context, namespace);
  const host = role === 'cluster' ? clusterHost(context) : undefined;
  const domain = host ?? (await readDomain(context));
  return judgeTlsSecret(row, {
    where: `${namespace}/${name}`,
    ...(found === undefined ? {} : { secret: found }),
    ...(domain === undefined ? {} : { domain }),
    trusted,
    now: clocks.installer.after,
    ...(clocks.server === undefined ? {} : { server: clocks.server }),
  });
}

export interface TlsFacts {
  /** namespace/name */
  readonly where: string;
  readonly secret?: KubeObject;
  readonly domain?: string;
  /** Certificates of the site’s own CA, PEM. */
  readonly trusted: string;
  /** Clocks of this machine and of the API server, milliseconds since the epoch. */
  readonly now: number;
  readonly server?: number;
}

/** Whether the secret is there, whole, and what a browser would accept. */
export function judgeTlsSecret(row: Row, facts: TlsFacts): Finding {
  const { where, secret, domain } = facts;
  const [namespace, name] = where.split('/');
  const advice = `kubectl create secret tls ${name} -n ${namespace} --cert=FULLCHAIN.pem --key=KEY.pem`;
  if (secret === undefined)
    return {
      ...row,
      outcome: 'fail',
      seen: `there is no secret ${where}`,
      expected: 'full chain and key',
      advice,
    };
  const pem = (key: string): string =>
    Buffer.from(String(valueAt(secret, ['data', key]) ?? ''), 'base64').toString('utf8');
  const missing = ['tls.crt', 'tls.key'].filter((key) => pem(key).trim() === '');
  if (missing.length > 0)
    return { ...row, outcome: 'fail', seen: `${where} lacks ${missing.join(' and ')}`, advice };
  return judgeCertificate(row, {
    where,
    chain: pem('tls.crt'),
    key: pem('tls.key'),
    trusted: facts.trusted,
    now: facts.now,
    ...(facts.server === undefined ? {} : { server: facts.server }),
    ...(domain === undefined ? {} : { domain }),
  });
}

/** Certificates of runai-ca-cert; empty when there is none. */
async function readCa({ client, signal }: CheckContext, namespace: string): Promise<string> {
  const secret = await client.get(RESOURCES.secrets, { name: 'runai-ca-cert', namespace }, { signal });
  return Buffer.from(String(valueAt(secret, ['data', 'runai-ca.pem']) ?? ''), 'base64').toString('utf8');
}

function clusterHost({ made }: CheckContext): string | undefined {
  const values = made.releases.find(({ chart }) => chart.role === 'cluster')?.values;
  const url = valueAt(values, ['cluster', 'url']);
  if (typeof url === 'string' && url !== '') return url.replace(/^[a-z]+:\/\//, '').replace(/[:/].*$/, '');
  const domain = valueAt(values, ['runai-operator', 'config', 'global', 'clusterDomain']);
  return typeof domain === 'string' && domain !== '' ? domain : undefined;
}
