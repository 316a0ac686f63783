import { isDecoded, type ReleaseSecret, releaseSelector } from '../../helm/release.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { readRelease } from '../observe.js';
import { uninstalledName } from '../saved-names.js';
import { isKept, isReleases } from './delete-owned.js';
import { savedManifest } from './saved-site.js';
import type { Work } from './types.js';

type Needs = Pick<Work, 'client' | 'helm' | 'limits'>;

interface Target {
  readonly release: string;
  readonly namespace: string;
}

/** Kinds in a release whose deletion would take other people's objects or data with it. */
const DANGEROUS = new Set([
  'CustomResourceDefinition',
  'PersistentVolumeClaim',
  'PersistentVolume',
  'Namespace',
]);

/** Uninstalls a release; one that was installed after this run saved its Secrets is another release and stays. */
export function uninstallStep({ client, helm, limits }: Needs, target: Target): StepExecutor {
  const { release, namespace } = target;
  const name = uninstalledName(release);
  const secrets = (signal: AbortSignal): Promise<(KubeObject & ReleaseSecret)[]> =>
    client.list(RESOURCES.secrets, {
      namespace,
      labelSelector: releaseSelector(release),
      pageSize: 5,
      signal,
    });
  const ours = async ({ saved, signal }: StepContext): Promise<KubeObject[]> => {
    const live = await secrets(signal);
    const content = await saved.get(name);
    if (content === undefined) return live;
    const known = new Set(
      (JSON.parse(content.toString('utf8')) as KubeObject[]).map((one) => one.metadata.uid),
    );
    return live.filter((one) => known.has(one.metadata.uid));
  };
  return {
    observe: async (context) => {
      if ((await ours(context)).length === 0) return { state: 'done' };
      const { revisions } = await readRelease(client, target, { signal: context.signal });
      const last = revisions.filter(isDecoded).at(-1);
      if (last === undefined)
        return { state: 'impossible', detail: `the record of ${release} cannot be read` };
      if (last.status === 'uninstalled') return { state: 'done' };
      if (last.status.startsWith('pending-')) {
        return {
          state: 'impossible',
          detail: `${release} is ${last.status}: another helm may be at work on it`,
        };
      }
      const dangers = await dangersOf(client, target, context);
      if (dangers.length > 0)
        return { state: 'impossible', detail: `uninstalling would also delete ${dangers.join('; ')}` };
      return { state: 'ready', detail: `${release} is ${last.status}, revision ${last.revision}` };
    },
    save: async ({ saved, signal }) => {
      await saved.put(name, JSON.stringify(await secrets(signal)));
    },
    perform: async (context) => {
      await context.guard();
      await helm.uninstall({ release, namespace, timeout: limits.helm });
    },
  };
}

/** helm uninstall goes by the stored manifest: an annotation on the live object does not stop it. */
async function dangersOf(
  client: KubeClient,
  { release, namespace }: Target,
  { saved, signal }: StepContext,
): Promise<string[]> {
  const dangers: string[] = [];
  for (const object of await savedManifest(saved, release)) {
    if (!DANGEROUS.has(object.kind ?? '')) continue;
    if (object.metadata.annotations?.['helm.sh/resource-policy'] === 'keep') continue;
    const { name } = object.metadata;
    if (object.kind !== 'Namespace') dangers.push(`${object.kind} ${name}`);
    else {
      const strangers = await strangersIn(client, name, { release, namespace, signal });
      if (strangers.length > 0) dangers.push(`namespace ${name} with ${strangers.slice(0, 5).join(', ')}`);
    }
  }
  return dangers;
}

/** What lies in a namespace and is not the release's. */
async function strangersIn(
  client: KubeClient,
  place: string,
  { release, namespace, signal }: Target & { readonly signal: AbortSignal },
): Promise<string[]> {
  const kinds = [
    RESOURCES.deployments,
    RESOURCES.statefulSets,
    RESOURCES.daemonSets,
    RESOURCES.jobs,
    RESOURCES.services,
    RESOURCES.secrets,
    RESOURCES.configMaps,
    RESOURCES.claims,
  ];
  const found: string[] = [];
  for (const resource of kinds) {
    const objects = await client.list(resource, { namespace: place, signal });
    const foreign = objects.filter(
      (object) =>
        !isReleases(object, { release, namespace }) &&
        !isKept(object) &&
        !object.metadata.ownerReferences?.length,
    );
    found.push(...foreign.map((object) => `${resource.kind.toLowerCase()} ${object.metadata.name}`));
  }
  return found;
}
