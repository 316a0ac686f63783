import type { Finding } from '../findings.js';
import { findIngressControllers, type IngressController } from '../steps/ingress-controller.js';
import { valueAt } from '../values.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'ingress.controller', title: 'ingress controller' };
const BROUGHT = /ingress|nginx|haproxy|traefik/i;

export interface IngressFacts {
  readonly found: readonly IngressController[];
  /** Class that the values name (global.ingress.ingressClass). */
  readonly wanted?: string;
  /** A chart of the bundle that brings a controller. */
  readonly brought?: string;
}

/** From 2.9 on the controller is the site’s own; OpenShift has Routes. */
export const ingressCheck: Check = {
  row: ROW,
  applies: ({ site, release }) =>
    site.product.platform === 'kubernetes' &&
    (release === undefined || release.major > 2 || release.minor >= 9),
  run: async (context) => [judgeIngress(await readIngress(context))],
};

export async function readIngress({ client, made, bundle, signal }: CheckContext): Promise<IngressFacts> {
  const found = await findIngressControllers(client, signal);
  const wanted = made.releases
    .map(({ values }) => valueAt(values, ['global', 'ingress', 'ingressClass']))
    .find((value) => typeof value === 'string' && value !== '') as string | undefined;
  const brought = bundle.manifest.charts.find(
    ({ role, name }) => role === 'prerequisite' && BROUGHT.test(name),
  )?.name;
  return {
    found,
    ...(wanted === undefined ? {} : { wanted }),
    ...(brought === undefined ? {} : { brought }),
  };
}

export function judgeIngress({ found, wanted, brought }: IngressFacts): Finding {
  const seen =
    found
      .map(({ ingressClass, workload }) => `class ${ingressClass} (${workload ?? 'no controller that runs'})`)
      .join(', ') || 'there is no IngressClass';
  if (brought !== undefined)
    return { ...ROW, outcome: 'pass', seen: `${seen}; the bundle brings ${brought}` };
  const advice = 'install an ingress controller with an IngressClass (HAProxy is recommended)';
  const running = found.filter(({ workload }) => workload !== undefined);
  if (running.length === 0)
    return { ...ROW, outcome: 'fail', seen, expected: 'a controller that runs', advice };
  if (wanted !== undefined && !running.some(({ ingressClass }) => ingressClass === wanted)) {
    const mend = 'set global.ingress.ingressClass to a class that is served, or install its controller';
    return { ...ROW, outcome: 'fail', seen, expected: `class ${wanted}, as the values say`, advice: mend };
  }
  return { ...ROW, outcome: 'pass', seen };
}
