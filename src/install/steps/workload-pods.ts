import { AirgapError } from '../../errors.js';
import { isKeptByPolicy } from '../../helm/marks.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { StepContext } from '../../run/types.js';
import { findObject, WITH_PODS } from './objects.js';

/** A workload as it was before it was taken away. */
export interface Workload {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
}

/** The live workloads among objects of a release's manifest, without those that helm is told to keep. */
export async function workloadsOf(
  client: KubeClient,
  objects: readonly KubeObject[],
  { namespace, signal }: { readonly namespace: string; readonly signal: AbortSignal },
): Promise<Workload[]> {
  const found: Workload[] = [];
  for (const object of objects) {
    const { apiVersion = '', kind = '', metadata } = object;
    if (!WITH_PODS.has(kind) || isKeptByPolicy(object)) continue;
    const ref = { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? namespace };
    const uid = (await findObject(client, ref, signal))?.object.metadata.uid;
    if (uid !== undefined) found.push({ kind, name: ref.name, namespace: ref.namespace, uid });
  }
  return found;
}

/** What workloads that were taken away still have and nobody is taking away: replica sets and pods. */
export async function leftOf(
  client: KubeClient,
  workloads: readonly Workload[],
  signal: AbortSignal,
): Promise<string[]> {
  const left: string[] = [];
  for (const namespace of new Set(workloads.map((one) => one.namespace))) {
    const own = workloads.filter((one) => one.namespace === namespace);
    const sets = await client.list(RESOURCES.replicaSets, { namespace, signal });
    const uids = new Set(own.map(({ uid }) => uid));
    const theirs = sets.filter((set) => isOwned(set, uids));
    for (const { metadata } of theirs) uids.add(metadata.uid ?? '');
    const pods = await client.list(RESOURCES.pods, { namespace, signal });
    const named = (kind: string, objects: readonly KubeObject[]): string[] =>
      objects
        .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
        .map(({ metadata }) => `${kind} ${namespace}/${metadata.name}`);
    left.push(
      ...named('replicaset', theirs),
      ...named(
        'pod',
        pods.filter((pod) => isOwned(pod, uids) || isOfGoneSet(pod, { own, sets })),
      ),
    );
  }
  return left.sort();
}

/**
 * Waits until nothing of workloads that were taken away is left but what is about to go. A successor of the same name
 * must not come before: where the API server was away meanwhile, the garbage collector takes it for the old one, whose
 * pods then run on beside the new ones for ever.
 * @throws AirgapError NOT_HEALTHY
 */
export async function waitUntilCollected(
  client: KubeClient,
  workloads: readonly Workload[],
  { context, timeout }: { readonly context: StepContext; readonly timeout: number },
): Promise<void> {
  const { signal, emit } = context;
  let left: string[] = [];
  let told = false;
  const gone = await waitFor(
    async () => {
      left = await leftOf(client, workloads, signal);
      if (left.length === 0) return true;
      const text = `waiting until the cluster takes away what the old workloads had: ${left.length} objects`;
      if (!told) emit({ type: 'note', level: 'info', text });
      told = true;
      return undefined;
    },
    { timeout, signal },
  );
  if (gone) return;
  throw new AirgapError('NOT_HEALTHY', 'pods of what was taken away are not taken away with it', {
    expected: 'none of them before others come in their place',
    found: left.join(', '),
    hint: 'see whether the kube-controller-manager runs: its garbage collector takes them away; or delete them; then run the same command again',
  });
}

function isOwned({ metadata }: KubeObject, uids: ReadonlySet<string>): boolean {
  return (metadata.ownerReferences ?? []).some(({ uid }) => uids.has(uid));
}

/** A replica set goes before its pods do: they name it still, and it is named after the deployment. */
function isOfGoneSet(
  { metadata }: KubeObject,
  { own, sets }: { readonly own: readonly Workload[]; readonly sets: readonly KubeObject[] },
): boolean {
  const set = metadata.ownerReferences?.find(({ kind }) => kind === 'ReplicaSet');
  if (set === undefined || sets.some((one) => one.metadata.uid === set.uid)) return false;
  const hash = metadata.labels?.['pod-template-hash'];
  return own.some(({ kind, name }) => kind === 'Deployment' && set.name === `${name}-${hash}`);
}
