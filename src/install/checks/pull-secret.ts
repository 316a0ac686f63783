import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { PULL_SECRET } from '../release-values.js';
import { valueAt } from '../values.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'registry.pull-secret', title: 'pull secret' };

export interface PullSecretFacts {
  /** HOST[:PORT] */
  readonly host: string;
  readonly secrets: ReadonlyMap<string, KubeObject | undefined>;
  /** Whether a login for the host is known here, to make the secret from. */
  readonly login: boolean;
}

export const pullSecretCheck: Check = {
  row: ROW,
  applies: ({ site, bundle }) => site.registry?.needsLogin === true && bundle.manifest.charts.length > 0,
  run: async ({ client, bundle, site, registry, signal }) => {
    const secrets = new Map<string, KubeObject | undefined>();
    for (const namespace of new Set(bundle.manifest.charts.map((chart) => chart.namespace)))
      secrets.set(
        namespace,
        await client.get(RESOURCES.secrets, { name: PULL_SECRET, namespace }, { signal }),
      );
    const login = (await registry?.credentials()) !== undefined;
    return [judgePullSecret({ host: site.registry?.address.host ?? '', secrets, login })];
  },
};

/** A secret that is there is left as it is, so it has to name this registry; one that is not is made. */
export function judgePullSecret({ host, secrets, login }: PullSecretFacts): Finding {
  const faults: string[] = [];
  const absent: string[] = [];
  for (const [namespace, secret] of secrets) {
    if (secret === undefined) {
      absent.push(namespace);
      continue;
    }
    const hosts = hostsOf(secret);
    const where = `${namespace}/${PULL_SECRET}`;
    if (hosts === undefined) faults.push(`${where} is no pull secret (kubernetes.io/dockerconfigjson)`);
    else if (!hosts.includes(host)) faults.push(`${where} is for ${hosts.join(', ') || 'no registry'}`);
  }
  if (absent.length > 0 && !login)
    faults.push(`no login for ${host} is known to make it from in ${absent.join(' and ')}`);
  if (faults.length > 0) {
    const advice = `log in first (docker login ${host}), or make it: kubectl create secret docker-registry ${PULL_SECRET} -n NAMESPACE --docker-server=${host}`;
    return {
      ...ROW,
      outcome: 'fail',
      seen: faults.join('; '),
      expected: `${PULL_SECRET} with a login for ${host}`,
      advice,
    };
  }
  const made = absent.length === 0 ? '' : `; is made in ${absent.join(' and ')}`;
  return { ...ROW, outcome: 'pass', seen: `${PULL_SECRET} for ${host}${made}` };
}

function hostsOf(secret: KubeObject): string[] | undefined {
  if (valueAt(secret, ['type']) !== 'kubernetes.io/dockerconfigjson') return undefined;
  try {
    const text = Buffer.from(String(valueAt(secret, ['data', '.dockerconfigjson']) ?? ''), 'base64').toString(
      'utf8',
    );
    return Object.keys((valueAt(JSON.parse(text), ['auths']) as object) ?? {}).map((key) =>
      key.replace(/^https?:\/\//, '').replace(/\/.*$/, ''),
    );
  } catch {
    return undefined;
  }
}
