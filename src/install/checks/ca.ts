import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import { judgeCertificate, parseCertificates } from './certificate.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'ca.secret', title: 'private CA' };
const NAME = 'runai-ca-cert';
const KEY = 'runai-ca.pem';

export interface CaFacts {
  /** By namespace: the secret, or undefined where it is missing. */
  readonly secrets: ReadonlyMap<string, KubeObject | undefined>;
  readonly now: number;
}

/** Only where the values ask for it: the charts then mount the secret, and pods wait for it for ever. */
export const caCheck: Check = {
  row: ROW,
  applies: (context) => namespacesWithCa(context).length > 0,
  run: async (context) => {
    const { client, signal, now } = context;
    const secrets = new Map<string, KubeObject | undefined>();
    for (const namespace of namespacesWithCa(context))
      secrets.set(namespace, await client.get(RESOURCES.secrets, { name: NAME, namespace }, { signal }));
    return [judgeCa({ secrets, now: now() })];
  },
};

export function judgeCa({ secrets, now }: CaFacts): Finding {
  const faults: string[] = [];
  const names = new Set<string>();
  for (const [namespace, secret] of secrets) {
    const where = `${namespace}/${NAME}`;
    if (secret === undefined) {
      faults.push(`there is no secret ${where}`);
      continue;
    }
    const pem = Buffer.from(String(valueAt(secret, ['data', KEY]) ?? ''), 'base64').toString('utf8');
    const [first] = parseCertificates(pem);
    if (first === undefined) {
      faults.push(`${where} has no certificate under ${KEY}`);
      continue;
    }
    names.add(first.subject.replaceAll('\n', ', '));
    if (!first.ca) faults.push(`the certificate of ${where} is not a CA`);
    const dates = judgeCertificate(ROW, { where, chain: first.toString(), trusted: pem, now });
    if (dates.outcome === 'fail') faults.push(`${where}: ${dates.seen}`);
  }
  if (names.size > 1) faults.push(`the namespaces have different CAs: ${[...names].join(' and ')}`);
  if (faults.length === 0)
    return { ...ROW, outcome: 'pass', seen: `${[...names].join()} in ${[...secrets.keys()].join(' and ')}` };
  return {
    ...ROW,
    outcome: 'fail',
    seen: faults.join('; '),
    expected: `secret ${NAME} with key ${KEY}, because global.customCA.enabled is true`,
    advice: `kubectl create secret generic ${NAME} -n NAMESPACE --from-file=${KEY}=CA.pem`,
  };
}

/** OpenShift’s own monitoring scrapes the product and has to trust it too. */
function namespacesWithCa({ made, site }: CheckContext): string[] {
  const namespaces = made.releases
    .filter(({ values }) => valueAt(values, ['global', 'customCA', 'enabled']) === true)
    .map(({ chart }) => chart.namespace);
  const monitoring = site.product.platform === 'openshift' && namespaces.length > 0;
  return monitoring ? [...namespaces, 'openshift-monitoring'] : namespaces;
}
