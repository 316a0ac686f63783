import { AirgapError } from '../errors.js';
import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject, Resource } from '../kube/types.js';
import { waitFor } from '../kube/wait.js';
import type { StepContext, StepExecutor } from '../run/types.js';
import { isHelper, removeLeftHelpers } from './left-helpers.js';
import { valueAt } from './value-at.js';
import { podsOf } from './volume-find.js';

/** A workload that is stopped while the volume behind a claim of its is copied. */
export interface Stopped {
  readonly kind: 'StatefulSet' | 'Deployment';
  readonly namespace: string;
  readonly name: string;
  readonly claim: string;
}

type Client = Pick<KubeClient, 'get' | 'list' | 'patch' | 'delete'>;

const GONE_MS = 5 * 60_000;
const READY_MS = 10 * 60_000;

/** The number of replicas that a workload had, and which object it was. */
interface Count {
  readonly uid: string;
  readonly replicas: number;
}

/** What finds the work given up: the number of replicas is brought back, nothing is stopped any more. */
export const givenUp: StepExecutor = {
  observe: async () => ({ state: 'done', detail: 'given up' }),
  perform: async () => {},
};

/** Scales a workload to none and waits until no pod has its volume any more. The number is saved first. */
export function stopStep(client: Client, stopped: Stopped): StepExecutor {
  return {
    observe: async (context) => {
      const live = await readWorkload(client, stopped, context.signal);
      const pods = await holders(client, stopped, context.signal);
      const isSaved = (await context.saved.get(nameOf(stopped))) !== undefined;
      if (isSaved && live?.replicas === 0 && pods.length === 0) return { state: 'done' };
      return { state: 'ready', detail: `${live?.replicas ?? 0} replicas, ${pods.length} pods` };
    },
    save: async ({ saved, signal }) => {
      // Once saved it stays: after a kill the workload may stand at none already.
      if ((await saved.get(nameOf(stopped))) !== undefined) return;
      const live = await readWorkload(client, stopped, signal);
      if (!live) throw gone(stopped);
      const { uid, replicas } = live;
      await saved.put(nameOf(stopped), JSON.stringify({ uid, replicas } satisfies Count));
    },
    perform: async (context) => {
      const { signal } = context;
      await scale(client, { stopped, replicas: 0 }, context);
      const isGone = await waitFor(
        async () => ((await holders(client, stopped, signal)).length === 0 ? true : undefined),
        { timeout: GONE_MS, every: 500, signal },
      );
      if (isGone) return;
      const left = (await holders(client, stopped, signal)).map(({ metadata }) => metadata.name);
      throw new AirgapError('BACKUP_FAILED', `${describe(stopped)} does not stop`, {
        expected: `no pod that has claim ${stopped.claim} mounted`,
        found: left.slice(0, 10).join(', '),
      });
    },
  };
}

/**
 * Gives a workload the number of replicas back that it had, and waits until they are ready. One that somebody else
 * scaled or replaced meanwhile is left alone.
 */
export function startStep(client: Client, stopped: Stopped): StepExecutor {
  const look = async ({ saved, signal }: StepContext) => {
    const content = await saved.get(nameOf(stopped));
    const count = content && (JSON.parse(content.toString('utf8')) as Count);
    return { count, live: await readWorkload(client, stopped, signal) };
  };
  return {
    observe: async (context) => {
      const { count, live } = await look(context);
      if (!count) return { state: 'done', detail: 'it was not stopped' };
      if (live?.uid !== count.uid) return { state: 'done', detail: 'it is gone, or another one by now' };
      if (live.replicas === 0 && count.replicas > 0)
        return { state: 'ready', detail: `0 of ${count.replicas} replicas` };
      if (live.ready >= Math.min(live.replicas, count.replicas))
        return { state: 'done', detail: `${live.replicas} replicas, ${live.ready} ready` };
      return { state: 'ready', detail: `${live.ready} of ${live.replicas} replicas are ready` };
    },
    perform: async (context) => {
      const { signal } = context;
      const { count, live } = await look(context);
      if (!count || live?.uid !== count.uid) return;
      await removeLeftHelpers(client, stopped, context);
      if (live.replicas === 0) await scale(client, { stopped, replicas: count.replicas }, context);
      const isReady = await waitFor(
        async () => {
          const now = await readWorkload(client, stopped, signal);
          return now === undefined || now.ready >= now.replicas ? true : undefined;
        },
        { timeout: READY_MS, every: 500, signal },
      );
      if (isReady) return;
      throw new AirgapError('NOT_HEALTHY', `${describe(stopped)} was started again and is not ready`, {
        expected: `${count.replicas} ready replicas, as before`,
        hint: `kubectl -n ${stopped.namespace} describe pods; what the pods wait for is said there`,
      });
    },
  };
}

/** The workload whose pods have a claim mounted. @throws AirgapError BACKUP_FAILED for one that would start again */
export async function workloadOf(
  client: Client,
  { namespace, claim }: { readonly namespace: string; readonly claim: string },
  signal: AbortSignal,
): Promise<Stopped | undefined> {
  const found = podsOf(await client.list(RESOURCES.pods, { namespace, signal }), claim);
  const pods = found.filter((pod) => !isHelper(pod));
  const owners = await Promise.all(pods.map((pod) => ownerOf(client, pod, signal)));
  const names = new Set(owners.map((owner) => owner && `${owner.kind}/${owner.name}`));
  const [first] = owners;
  if (pods.length === 0) return undefined;
  if (first && names.size === 1 && first.isOwn) {
    return { kind: first.kind, namespace, name: first.name, claim };
  }
  throw new AirgapError('BACKUP_FAILED', `what uses volume ${namespace}/${claim} cannot be stopped`, {
    expected: 'pods of one StatefulSet or Deployment that nothing else scales',
    found: [...pods.map(({ metadata }) => metadata.name)].join(', '),
    hint: 'save it another way: as a snapshot, or by the site’s own solution',
  });
}

interface Owner {
  readonly kind: Stopped['kind'];
  readonly name: string;
  /** No operator owns it, which would scale it up again. */
  readonly isOwn: boolean;
}

async function ownerOf(client: Client, pod: KubeObject, signal: AbortSignal): Promise<Owner | undefined> {
  const namespace = pod.metadata.namespace ?? '';
  let owner = pod.metadata.ownerReferences?.find(({ controller }) => controller === true);
  if (owner?.kind === 'ReplicaSet') {
    const set = await client.get(RESOURCES.replicaSets, { namespace, name: owner.name }, { signal });
    owner = set?.metadata.ownerReferences?.find(({ controller }) => controller === true);
  }
  if (owner?.kind !== 'StatefulSet' && owner?.kind !== 'Deployment') return undefined;
  const { kind, name } = owner;
  const object = await client.get(resourceOf(kind), { namespace, name }, { signal });
  return object && { kind, name, isOwn: (object.metadata.ownerReferences ?? []).length === 0 };
}

async function readWorkload(client: Client, { kind, namespace, name }: Stopped, signal: AbortSignal) {
  const object = await client.get(resourceOf(kind), { namespace, name }, { signal });
  if (!object) return undefined;
  const number = (...path: string[]): number | undefined => {
    const value = valueAt(object, path);
    return typeof value === 'number' ? value : undefined;
  };
  return {
    uid: object.metadata.uid ?? '',
    replicas: number('spec', 'replicas') ?? 1,
    ready: number('status', 'readyReplicas') ?? 0,
  };
}

async function holders(
  client: Client,
  { namespace, claim }: Stopped,
  signal: AbortSignal,
): Promise<KubeObject[]> {
  return podsOf(await client.list(RESOURCES.pods, { namespace, signal }), claim).filter(
    (pod) => !isHelper(pod),
  );
}

async function scale(
  client: Client,
  { stopped, replicas }: { readonly stopped: Stopped; readonly replicas: number },
  { guard, signal }: StepContext,
): Promise<void> {
  const { kind, namespace, name } = stopped;
  await guard();
  await client.patch(resourceOf(kind), { namespace, name }, { spec: { replicas } }, { signal });
}

function resourceOf(kind: Stopped['kind']): Resource {
  return kind === 'StatefulSet' ? RESOURCES.statefulSets : RESOURCES.deployments;
}

function nameOf({ kind, namespace, name }: Stopped): string {
  return `replicas/${kind.toLowerCase()}/${namespace}/${name}.json`;
}

function describe({ kind, namespace, name }: Stopped): string {
  return `${kind} ${namespace}/${name}`;
}

function gone(stopped: Stopped): AirgapError {
  return new AirgapError('BACKUP_FAILED', `${describe(stopped)} is not there any more`);
}
