import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject } from '../../kube/types.js';
import { BACKEND, OBJECTS } from '../../runai/names.js';
import type { Finding } from '../findings.js';
import { findIngressControllers, type IngressController } from '../steps/ingress-controller.js';
import { valueAt } from '../values.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'ingress.controller', title: 'ingress controller' };
const CLASS_KEY = ['global', 'ingress', 'ingressClass'];
const BROUGHT = /ingress|nginx|haproxy|traefik/i;

export interface IngressFacts {
  readonly found: readonly IngressController[];
  /** Class that the values name (global.ingress.ingressClass). */
  readonly wanted?: string;
  /** A chart of the bundle that brings a controller. */
  readonly brought?: string;
  /** IngressClasses that such a chart makes. */
  readonly broughtClasses?: readonly string[];
  /** How the control plane’s ingress comes out. */
  readonly comes?: ComingClass;
}

export interface ComingClass {
  readonly ingressClass: string;
  /** A value of the chart says which; older charts have it in their text. */
  readonly isSettable: boolean;
  /** Somebody serves the ingress that is there now. */
  readonly servedToday: boolean;
}

/** From 2.9 on the controller is the site’s own; OpenShift has Routes. */
export const ingressCheck: Check = {
  row: ROW,
  applies: ({ site, release }) =>
    site.product.platform === 'kubernetes' &&
    (release === undefined || release.major > 2 || release.minor >= 9),
  run: async (context) => [judgeIngress(await readIngress(context))],
};

export async function readIngress(context: CheckContext): Promise<IngressFacts> {
  const { client, made, bundle, signal } = context;
  const found = await findIngressControllers(client, signal);
  const wanted = made.releases
    .map(({ values }) => valueAt(values, CLASS_KEY))
    .find((value) => typeof value === 'string' && value !== '') as string | undefined;
  const brought = bundle.manifest.charts.find(
    ({ role, name }) => role === 'prerequisite' && BROUGHT.test(name),
  )?.name;
  const comes = await comingClass(context, found);
  return {
    found,
    ...(wanted === undefined ? {} : { wanted }),
    ...(brought === undefined ? {} : { brought, broughtClasses: await classesBrought(context) }),
    ...(comes === undefined ? {} : { comes }),
  };
}

async function classesBrought({ rendered }: CheckContext): Promise<string[]> {
  return (await rendered())
    .filter(({ planned }) => planned.chart.role === 'prerequisite')
    .flatMap(({ objects }) => objects.filter(({ kind }) => kind === 'IngressClass'))
    .map(({ metadata }) => metadata.name);
}

async function comingClass(
  context: CheckContext,
  found: readonly IngressController[],
): Promise<ComingClass | undefined> {
  const { client, made, site, recorded, rendered, signal } = context;
  const planned = made.releases.find(({ chart }) => chart.role === 'control-plane');
  if (planned === undefined || planned.decision.do === 'keep') return undefined;
  const { name, namespace = BACKEND.namespace } = OBJECTS.backendIngress;
  const now = classOf(await client.get(RESOURCES.ingresses, { name, namespace }, { signal }));
  const before = classOf(ingressIn(recorded().get(BACKEND.release)));
  const set = valueAt(planned.effective, CLASS_KEY);
  const isSettable = typeof set === 'string' && set !== '';
  const said = isSettable
    ? set
    : classOf(ingressIn((await rendered()).find((one) => one.planned === planned)?.objects));
  if (said === undefined) return undefined;
  // What was set by hand over a chart that says the same again is set again.
  const ingressClass = now !== undefined && now !== before && before === said ? now : said;
  const own =
    site.product.nginxEnabled && site.product.nginxOwned.ingressClass && now === OBJECTS.nginxClass.name;
  return { ingressClass, isSettable, servedToday: own || isServed(found, now) };
}

function ingressIn(objects: readonly KubeObject[] | undefined): KubeObject | undefined {
  const { name, kind } = OBJECTS.backendIngress;
  return objects?.find((one) => one.kind === kind && one.metadata.name === name);
}

function classOf(ingress: KubeObject | undefined): string | undefined {
  const field = valueAt(ingress, ['spec', 'ingressClassName']);
  const name = field ?? ingress?.metadata.annotations?.['kubernetes.io/ingress.class'];
  return typeof name === 'string' ? name : undefined;
}

function isServed(found: readonly IngressController[], name: string | undefined): boolean {
  return found.some(({ ingressClass, workload }) => ingressClass === name && workload !== undefined);
}

export function judgeIngress({ found, wanted, brought, broughtClasses = [], comes }: IngressFacts): Finding {
  const seen =
    found
      .map(({ ingressClass, workload }) => `class ${ingressClass} (${workload ?? 'no controller that runs'})`)
      .join(', ') || 'there is no IngressClass';
  const unserved =
    comes !== undefined &&
    !isServed(found, comes.ingressClass) &&
    !broughtClasses.includes(comes.ingressClass);
  if (brought !== undefined) {
    const text = `${seen}; the bundle brings ${brought}`;
    return unserved && broughtClasses.length > 0
      ? judgeComing(comes, text)
      : { ...ROW, outcome: 'pass', seen: text };
  }
  const advice = 'install an ingress controller with an IngressClass (HAProxy is recommended)';
  if (!found.some(({ workload }) => workload !== undefined))
    return { ...ROW, outcome: 'fail', seen, expected: 'a controller that runs', advice };
  if (wanted !== undefined && !isServed(found, wanted)) {
    const mend = 'set global.ingress.ingressClass to a class that is served, or install its controller';
    return { ...ROW, outcome: 'fail', seen, expected: `class ${wanted}, as the values say`, advice: mend };
  }
  return unserved ? judgeComing(comes, seen) : { ...ROW, outcome: 'pass', seen };
}

/** A way in that works today is not given up unasked; one that nobody served before is told. */
function judgeComing({ ingressClass, isSettable, servedToday }: ComingClass, seen: string): Finding {
  const what = `${seen}; the control plane’s new ingress is of class ${ingressClass}, which nobody serves`;
  const expected = `a controller that serves class ${ingressClass}`;
  const key = CLASS_KEY.join('.');
  if (!isSettable) {
    const advice = `the chart knows no other class: install a controller for ${ingressClass} before or right after the run, nobody reaches the control plane without`;
    return { ...ROW, outcome: 'warn', seen: what, expected, advice };
  }
  const advice = `set --backend-set ${key}=CLASS to one that is served, or install a controller for ${ingressClass}`;
  return { ...ROW, outcome: servedToday ? 'fail' : 'warn', seen: what, expected, advice };
}
