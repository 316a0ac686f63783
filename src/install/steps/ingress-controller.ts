import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { StepExecutor } from '../../run/types.js';
import { BACKEND } from '../../runai/names.js';
import { isReleases } from './delete-owned.js';
import type { Work } from './types.js';

/** What a controller's workload is called, by what its IngressClass says (spec.controller). */
const CONTROLLERS: readonly (readonly [controller: RegExp, workload: RegExp])[] = [
  [/ingress-nginx|nginx\.org/, /nginx/],
  [/haproxy/, /haproxy|kubernetes-ingress/],
  [/traefik/, /traefik/],
  [/contour/, /contour|envoy/],
  [/kong/, /kong/],
  [/istio/, /istio/],
  [/openshift/, /router/],
];

export interface IngressController {
  readonly ingressClass: string;
  readonly controller: string;
  /** `deployment haproxy-controller/haproxy-ingress`; absent when none was found that runs. */
  readonly workload?: string;
}

type Class = KubeObject & { readonly spec?: { readonly controller?: string } };
type Workload = KubeObject & {
  readonly status?: { readonly readyReplicas?: number; readonly numberReady?: number };
};

/** The IngressClasses that are not the control plane's own, each with the workload that seems to serve it. */
export async function findIngressControllers(
  client: KubeClient,
  signal?: AbortSignal,
): Promise<IngressController[]> {
  const read = signal === undefined ? {} : { signal };
  const classes = await client.list<Class>(RESOURCES.ingressClasses, read);
  const workloads: Workload[] = [];
  for (const resource of [RESOURCES.deployments, RESOURCES.daemonSets]) {
    workloads.push(...(await client.list<Workload>(resource, read)));
  }
  const ready = workloads.filter(
    ({ metadata, status }) =>
      metadata.namespace !== BACKEND.namespace && (status?.readyReplicas ?? status?.numberReady ?? 0) > 0,
  );
  return classes
    .filter((one) => !isReleases(one, BACKEND))
    .map((one) => {
      const controller = one.spec?.controller ?? '';
      const served = ready.find((workload) => servesFor(controller, workload));
      const { name } = one.metadata;
      return {
        ingressClass: name,
        controller,
        ...(served === undefined ? {} : { workload: describe(served) }),
      };
    });
}

/** Waits for nothing: the site has a controller, or the operator must install one. */
export function checkIngressStep({ client }: Pick<Work, 'client'>): StepExecutor {
  return {
    observe: async ({ signal }) => {
      const found = await findIngressControllers(client, signal);
      const served = found.find((one) => one.workload !== undefined);
      if (served) return { state: 'done', detail: `class ${served.ingressClass} by ${served.workload}` };
      const classes = found.map((one) => `class ${one.ingressClass} has no controller that runs`);
      return {
        state: 'impossible',
        detail: `${classes.join('; ') || 'there is no IngressClass'}; install an ingress controller, then run the same command again`,
      };
    },
    perform: async () => {},
  };
}

function servesFor(controller: string, workload: Workload): boolean {
  const names = [workload.metadata.name, ...Object.values(workload.metadata.labels ?? {})]
    .join(' ')
    .toLowerCase();
  const known = CONTROLLERS.find(([pattern]) => pattern.test(controller));
  return known === undefined ? /ingress/.test(names) : known[1].test(names);
}

function describe(workload: Workload): string {
  const { name, namespace } = workload.metadata;
  return `${workload.kind?.toLowerCase()} ${namespace}/${name}`;
}
