import { releaseNameOf } from '../../helm/marks.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { inputOf } from '../plan.js';
import { valueAt } from '../values.js';
import { isAsked, type Sent, type ServedAs, sentByCharts, sentByUs } from './asked.js';
import type { Labels } from './label-selector.js';
import type { Check, CheckContext, Row } from './types.js';

const ROW: Row = { id: 'webhooks', title: 'admission webhooks' };
const SHOWN = 3;
const SLICES: Resource = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};

/** A webhook that blocks what it cannot judge. */
export interface StrictWebhook {
  /** Configuration and name of the webhook. */
  readonly name: string;
  /** namespace/name; absent for one outside the cluster. */
  readonly service?: string;
  readonly endpoints: number;
  /** What of ours it will be asked about; empty when nothing. */
  readonly about: readonly string[];
  /** Conditions of its own, which only the API server can judge. */
  readonly conditional: boolean;
  /** Belongs to a release of ours, which replaces it. */
  readonly ours: boolean;
}

export const webhooksCheck: Check = {
  row: ROW,
  run: async (context) => [judgeWebhooks(await readWebhooks(context))],
};

export async function readWebhooks(context: CheckContext): Promise<StrictWebhook[]> {
  const { client, bundle, signal } = context;
  const releases = bundle.manifest.charts.map(({ release }) => release);
  const namespaces = await client.list(RESOURCES.namespaces, { signal });
  const labels = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
  const sent = await sentBy(context);
  const found: StrictWebhook[] = [];
  for (const resource of [RESOURCES.validatingWebhooks, RESOURCES.mutatingWebhooks])
    for (const configuration of await client.list(resource, { signal }))
      for (const hook of strictOf(configuration, { releases, sent, labels }))
        found.push({
          ...hook,
          endpoints: hook.service === undefined ? 1 : await countEndpoints(client, hook.service, signal),
        });
  return found;
}

async function sentBy(context: CheckContext): Promise<Sent[]> {
  const { client, crds, site, made, signal } = context;
  const servedAs: ServedAs = async ({ apiVersion = '', kind = '' }) => {
    const served = await client.resourceFor(apiVersion, kind, { signal });
    if (served !== undefined) return served;
    const coming = crds.find(
      ({ spec }) => spec.names.kind === kind && apiVersion.startsWith(`${spec.group}/`),
    )?.spec;
    return coming && { plural: coming.names.plural, namespaced: coming.scope === 'Namespaced' };
  };
  const created = made.plan.steps.flatMap((step) => {
    const { action } = inputOf(step);
    return action.kind === 'create-namespaces' ? action.names : [];
  });
  return [
    ...(await sentByCharts(await context.rendered(), servedAs)),
    ...sentByUs({ crds: site.crds.toApply, namespaces: created }),
  ];
}

/** The webhooks of a configuration that refuse when nobody answers. Pure. */
export function strictOf(
  configuration: KubeObject,
  by: {
    readonly releases: readonly string[];
    readonly sent: readonly Sent[];
    readonly labels: ReadonlyMap<string, Labels>;
  },
): Omit<StrictWebhook, 'endpoints'>[] {
  const release = releaseNameOf(configuration) ?? '';
  return listAt(configuration, ['webhooks'])
    .filter((hook) => valueAt(hook, ['failurePolicy']) !== 'Ignore')
    .map((hook) => {
      const [namespace, name] = ['namespace', 'name'].map((key) =>
        valueAt(hook, ['clientConfig', 'service', key]),
      );
      return {
        name: `${configuration.metadata.name}: ${String(valueAt(hook, ['name']))}`,
        ...(typeof name === 'string' ? { service: `${String(namespace)}/${name}` } : {}),
        about: by.sent.filter((one) => isAsked(hook, one, by.labels)).map((one) => one.name),
        conditional: listAt(hook, ['matchConditions']).length > 0,
        ours: by.releases.includes(release),
      };
    });
}

/** One that nobody answers for refuses every object it is asked about (threats 107). */
export function judgeWebhooks(hooks: readonly StrictWebhook[]): Finding {
  const dead = hooks.filter(({ endpoints, about }) => endpoints === 0 && about.length > 0);
  if (dead.length === 0)
    return { ...ROW, outcome: 'pass', seen: `${hooks.length} that must answer; those asked have endpoints` };
  const list = dead.map(({ name, service, about, conditional }) => {
    const more = about.length > SHOWN ? ` and ${about.length - SHOWN} more` : '';
    const some = conditional ? ', under conditions of its own' : '';
    return `${name} (${service} has no endpoints) is asked about ${about.slice(0, SHOWN).join(', ')}${more}${some}`;
  });
  const sure = dead.some(({ ours, conditional }) => !ours && !conditional);
  return {
    ...ROW,
    outcome: sure ? 'fail' : 'warn',
    seen: list.join('; '),
    expected: 'endpoints behind every webhook whose failurePolicy is Fail',
    advice: 'bring its pods up, or delete the configuration when nobody uses it any more',
  };
}

async function countEndpoints(client: KubeClient, service: string, signal: AbortSignal): Promise<number> {
  const [namespace = '', name = ''] = service.split('/');
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const slices = await client.list<KubeObject>(SLICES, { namespace, labelSelector, signal });
  return slices
    .flatMap((slice) => listAt(slice, ['endpoints']))
    .filter((endpoint) => valueAt(endpoint, ['conditions', 'ready']) !== false).length;
}

function listAt(value: unknown, path: readonly string[]): readonly unknown[] {
  const found = valueAt(value, path);
  return Array.isArray(found) ? found : [];
}
