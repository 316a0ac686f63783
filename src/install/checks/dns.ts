import { isIP } from 'node:net';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { plannedDomain } from '../domain.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check, CheckContext, Row } from './types.js';

const NAME: Row = { id: 'domain.name', title: 'name of the control plane' };
const DNS: Row = { id: 'domain.dns', title: 'DNS of the control plane' };

/** Addresses, or the resolver’s error code. */
export type Answer = { readonly addresses: readonly string[] } | { readonly error: string };

export interface DnsFacts {
  readonly domain: string;
  readonly answer: Answer;
  /** Addresses by which the ingress can be reached, with where they come from. */
  readonly ingress: readonly { readonly address: string; readonly from: string }[];
}

export const dnsCheck: Check = {
  row: DNS,
  applies: ({ site }) => site.product.platform === 'kubernetes',
  run: async (context) => {
    const domain = await readDomain(context);
    if (domain === undefined)
      return [{ ...DNS, outcome: 'not-checked', seen: 'the values name no domain (--domain)' }];
    const name = judgeName(domain);
    if (isIP(domain) !== 0) return [name];
    return [
      name,
      judgeDns({
        domain,
        answer: await context.lookup(domain),
        ingress: await readIngressAddresses(context),
      }),
    ];
  },
};

/** The host name that the control plane will have; undefined when nothing names one. */
export async function readDomain({
  made,
  site,
  client,
  signal,
}: Pick<CheckContext, 'made' | 'site' | 'client' | 'signal'>): Promise<string | undefined> {
  const planned = plannedDomain(made.releases, site);
  if (planned !== undefined) return planned;
  const { namespace, name } = { namespace: 'runai-backend', name: 'runai-backend-ingress' };
  const ingress = await client.get(RESOURCES.ingresses, { namespace, name }, { signal });
  const host = valueAt(ingress, ['spec', 'rules', 0, 'host']);
  return typeof host === 'string' ? host : undefined;
}

/** Services of controllers first; then nodes, which serve host ports and node ports. */
export async function readIngressAddresses({
  client,
  nodes,
  signal,
}: CheckContext): Promise<DnsFacts['ingress']> {
  const services = await client.list(RESOURCES.services, { signal });
  const ingresses = await client.list(RESOURCES.ingresses, { signal });
  const balanced = services.flatMap((service) =>
    [
      ...listAt(service, ['status', 'loadBalancer', 'ingress']).flatMap(pointsOf),
      ...listAt(service, ['spec', 'externalIPs']).map(String),
    ].map((address) => ({ address, from: `service ${service.metadata.namespace}/${service.metadata.name}` })),
  );
  const told = ingresses.flatMap((ingress) =>
    listAt(ingress, ['status', 'loadBalancer', 'ingress'])
      .flatMap(pointsOf)
      .map((address) => ({
        address,
        from: `ingress ${ingress.metadata.namespace}/${ingress.metadata.name}`,
      })),
  );
  const hosts = (await nodes()).flatMap((node) =>
    listAt(node, ['status', 'addresses'])
      .filter((one) => /IP$/.test(String(valueAt(one, ['type']))))
      .map((one) => ({ address: String(valueAt(one, ['address'])), from: `node ${node.metadata.name}` })),
  );
  return [...balanced, ...told, ...hosts];
}

/** Certificates, cookies and ingress rules want a name with a dot. */
export function judgeName(domain: string): Finding {
  const expected = 'a fully qualified domain name such as runai.example.com';
  const advice = 'give the full name: --domain NAME';
  if (isIP(domain) !== 0)
    return { ...NAME, outcome: 'fail', seen: `${domain} is an address`, expected, advice };
  const labels = domain.replace(/\.$/, '').split('.');
  const valid =
    labels.every((label) => /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(label)) && domain.length <= 253;
  if (!valid) return { ...NAME, outcome: 'fail', seen: `${domain} is no host name`, expected, advice };
  if (labels.length < 2) return { ...NAME, outcome: 'fail', seen: `${domain} has no dot`, expected, advice };
  return { ...NAME, outcome: 'pass', seen: domain };
}

export function judgeDns({ domain, answer, ingress }: DnsFacts): Finding {
  if ('error' in answer) {
    const seen = `${domain} does not resolve on this machine (${answer.error})`;
    const wanted = ingress.filter(({ from }) => !from.startsWith('node ')).map(({ address }) => address);
    const advice = `add an A record for ${domain} to the site’s DNS${wanted[0] === undefined ? '' : `: ${wanted[0]}`}`;
    return { ...DNS, outcome: 'fail', seen, expected: 'the address of the ingress', advice };
  }
  const { addresses } = answer;
  const seen = `${domain} is ${addresses.join(', ')}`;
  const match = ingress.find(({ address }) => addresses.includes(address));
  if (match !== undefined) return { ...DNS, outcome: 'pass', seen: `${seen}, the address of ${match.from}` };
  if (addresses.every((address) => /^127\.|^::1$/.test(address)))
    return {
      ...DNS,
      outcome: 'fail',
      seen,
      expected: 'the address of the ingress',
      advice: 'mend the A record (or /etc/hosts)',
    };
  const known = [...new Set(ingress.map(({ address }) => address))].slice(0, 6).join(', ');
  // A load balancer in front of the cluster is known to nobody in it.
  const advice = 'fine when this is a load balancer in front of the ingress; else mend the A record';
  return { ...DNS, outcome: 'warn', seen, ...(known === '' ? {} : { expected: `one of ${known}` }), advice };
}

function pointsOf(point: unknown): string[] {
  return ['ip', 'hostname'].flatMap((key) => {
    const found = valueAt(point, [key]);
    return typeof found === 'string' ? [found] : [];
  });
}

function listAt(value: KubeObject, path: readonly (string | number)[]): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}
