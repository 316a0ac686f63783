import { effectiveValues } from '../../helm/effective.js';
import { RESOURCES } from '../../kube/resources.js';
import { storedResource } from '../../kube/stored.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { PEOPLE_ELSEWHERE } from '../../runai/bindings.js';
import { CONFIG_RESOURCES, QUEUES, RULES } from '../../runai/crds.js';
import { BACKEND, CLUSTER, ROUTE } from '../../runai/names.js';
import { readRelease } from '../observe.js';
import { current } from '../observe-product.js';
import { SITE_MARK } from '../saved-names.js';
import { countBefore } from './database.js';
import { findObject } from './objects.js';
import type { Work } from './types.js';

interface Kind {
  readonly apiVersion: string;
  readonly kind: string;
}

/** What a namespace of the product holds that an upgrade may take or change. */
const NAMESPACED: readonly Kind[] = [
  { apiVersion: 'v1', kind: 'Secret' },
  { apiVersion: 'v1', kind: 'ConfigMap' },
  { apiVersion: 'v1', kind: 'ServiceAccount' },
  { apiVersion: 'v1', kind: 'PersistentVolumeClaim' },
  { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress' },
  ROUTE,
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role' },
  { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'RoleBinding' },
  { apiVersion: 'run.ai/v1', kind: 'RunaiConfig' },
];

/** What the operator made of the product's own kinds; each in the version that its definition here stores. */
const CUSTOM = [...CONFIG_RESOURCES, QUEUES, ...RULES].filter(({ plural }) => plural !== 'runaiconfigs');

/** Lists of people that no namespace of the product holds; each is the one object of its kind. */
const PEOPLE = PEOPLE_ELSEWHERE.filter(({ namespace }) => namespace === undefined);

/** A release by name. */
export interface ReleaseRef {
  readonly release: string;
  readonly namespace: string;
}

/** Saves values, releases and objects of the site before anything is changed. */
export function saveSiteStep(
  work: Pick<Work, 'client' | 'countRows'>,
  releases: readonly ReleaseRef[],
): StepExecutor {
  const { client } = work;
  return {
    observe: async ({ saved }) =>
      (await saved.get(SITE_MARK)) === undefined ? { state: 'ready' } : { state: 'done' },
    perform: async (context) => {
      const counts: Record<string, number> = {};
      for (const namespace of [BACKEND.namespace, CLUSTER.namespace]) {
        for (const kind of NAMESPACED) {
          const objects = await listKind(client, kind, { namespace, signal: context.signal });
          await keep(context, { name: `site/${namespace}/${fileOf(kind)}`, objects, counts });
        }
      }
      const { signal } = context;
      const custom = await Promise.all(CUSTOM.map((row) => storedResource(client, row, { signal })));
      for (const resource of [RESOURCES.persistentVolumes, ...custom.filter((one) => one !== undefined)]) {
        const objects = await client.list(resource, { pageSize: 50, signal });
        await keep(context, { name: `site/cluster/${fileOf(resource)}`, objects, counts });
      }
      for (const ref of PEOPLE) {
        const found = await findObject(client, ref, signal);
        const objects = found === undefined ? [] : [found.object];
        await keep(context, { name: `site/cluster/${fileOf(ref)}`, objects, counts });
      }
      await saveReleases(client, releases, context);
      await countBefore(work, context);
      await context.saved.put(SITE_MARK, JSON.stringify({ objects: counts }));
    },
  };
}

async function saveReleases(
  client: KubeClient,
  releases: readonly ReleaseRef[],
  { saved, signal }: StepContext,
): Promise<void> {
  for (const release of releases) {
    const running = current(await readRelease(client, release, { signal }));
    if (running === undefined) continue;
    const folder = `site/release-${running.name}`;
    await saved.put(`${folder}/values.json`, JSON.stringify(running.values));
    await saved.put(`${folder}/defaults.json`, JSON.stringify(running.defaults));
    const effective = effectiveValues(running.defaults, running.values);
    await saved.put(`${folder}/effective.json`, JSON.stringify(effective));
    await saved.put(`${folder}/manifest.yaml`, running.manifest);
  }
}

async function listKind(
  client: KubeClient,
  { apiVersion, kind }: Kind,
  where: { readonly namespace?: string; readonly signal: AbortSignal },
): Promise<KubeObject[]> {
  const resource = await client.resourceFor(apiVersion, kind, { signal: where.signal });
  return resource === undefined ? [] : client.list(resource, { ...where, pageSize: 50 });
}

async function keep(
  { saved }: StepContext,
  found: {
    readonly name: string;
    readonly objects: readonly KubeObject[];
    readonly counts: Record<string, number>;
  },
): Promise<void> {
  found.counts[found.name] = found.objects.length;
  if (found.objects.length > 0) await saved.put(found.name, JSON.stringify(found.objects));
}

function fileOf({ apiVersion, kind }: Kind): string {
  return `${kind.toLowerCase()}.${apiVersion.replace('/', '.')}.json`;
}
