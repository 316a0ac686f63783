import { AirgapError } from '../../errors.js';
import { RESOURCES } from '../../kube/resources.js';
import type { KubeObject, Resource } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { StepContext } from '../../run/types.js';
import { valueAt } from '../value-at.js';
import type { RestoreWork } from './types.js';

const KINDS: readonly Resource[] = [RESOURCES.deployments, RESOURCES.statefulSets];
const GONE_MS = 5 * 60_000;

/**
 * On a workload that was scaled to none: the number that it had. It also serves a run that knows nothing of the one
 * that was given up in between, and an operator who looks at the object.
 */
const REPLICAS = 'airgap/replicas';

/** A workload and the number of replicas that it has, or had before it was stopped. */
export interface Workload {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly replicas: number;
}

/** Which workloads of a namespace are meant. */
export interface Choose {
  readonly namespace: string;
  readonly chooses: (object: KubeObject) => boolean;
  /** For messages: what they write to. */
  readonly what: string;
}

type Client = Pick<RestoreWork, 'client'>;

/** Deployments and StatefulSets with the numbers that shall be there again. */
export async function readWorkloads(work: Client, choose: Choose, signal: AbortSignal): Promise<Workload[]> {
  return (await readObjects(work, choose, signal)).map(({ object, kind }) => ({
    kind,
    namespace: choose.namespace,
    name: object.metadata.name,
    replicas: wantedOf(object),
  }));
}

/**
 * Scales them to none and waits until their pods are gone.
 * @throws AirgapError RESTORE_FAILED
 */
export async function stopWorkloads(work: Client, choose: Choose, context: StepContext): Promise<void> {
  const { signal, guard } = context;
  const { namespace, what } = choose;
  const found = await readObjects(work, choose, signal);
  for (const { object, resource } of found) {
    if (replicasOf(object) === 0) continue;
    await guard();
    const annotations = { [REPLICAS]: String(replicasOf(object)) };
    const patch = { metadata: { annotations }, spec: { replicas: 0 } };
    await work.client.patch(resource, { namespace, name: object.metadata.name }, patch, { signal });
  }
  const left = async (): Promise<string[]> => {
    const pods = await work.client.list(RESOURCES.pods, { namespace, signal });
    return pods
      .filter((pod) => found.some(({ object }) => owns(object, pod)))
      .map(({ metadata }) => metadata.name);
  };
  const gone = await waitFor(async () => ((await left()).length === 0 ? true : undefined), {
    timeout: GONE_MS,
    every: 500,
    signal,
  });
  if (gone) return;
  throw new AirgapError('RESTORE_FAILED', `not everything that writes to ${what} stops`, {
    expected: 'no pod of the workloads that were scaled to 0',
    found: (await left()).slice(0, 10).join(', '),
  });
}

/** Gives workloads the number of replicas back that they had. */
export async function putBack(work: Client, kept: readonly Workload[], context: StepContext): Promise<void> {
  const { signal, guard } = context;
  for (const { kind, namespace, name, replicas } of kept) {
    const resource = KINDS.find((each) => each.kind === kind);
    const live = resource && (await work.client.get(resource, { namespace, name }, { signal }));
    if (!resource || !live || isAsBefore(live, replicas)) continue;
    await guard();
    const patch = { metadata: { annotations: { [REPLICAS]: null } }, spec: { replicas } };
    await work.client.patch(resource, { namespace, name }, patch, { signal });
  }
}

/** Names of those that do not have their number of replicas again. */
export async function areStopped(
  { client }: Client,
  kept: readonly Workload[],
  signal: AbortSignal,
): Promise<string[]> {
  const names: string[] = [];
  for (const { kind, namespace, name, replicas } of kept) {
    const resource = KINDS.find((each) => each.kind === kind);
    const live = resource && (await client.get(resource, { namespace, name }, { signal }));
    if (live && !isAsBefore(live, replicas)) names.push(name);
  }
  return names;
}

function isAsBefore(live: KubeObject, replicas: number): boolean {
  return replicasOf(live) === replicas && live.metadata.annotations?.[REPLICAS] === undefined;
}

interface Found {
  readonly object: KubeObject;
  readonly kind: string;
  readonly resource: Resource;
}

async function readObjects(
  { client }: Client,
  { namespace, chooses }: Choose,
  signal: AbortSignal,
): Promise<Found[]> {
  const found: Found[] = [];
  for (const resource of KINDS)
    for (const object of await client.list(resource, { namespace, signal }))
      if (chooses({ ...object, kind: resource.kind })) found.push({ object, kind: resource.kind, resource });
  return found;
}

function replicasOf(object: KubeObject): number {
  const replicas = valueAt(object, ['spec', 'replicas']);
  return typeof replicas === 'number' ? replicas : 1;
}

function wantedOf(object: KubeObject): number {
  const kept = Number(object.metadata.annotations?.[REPLICAS]);
  const now = replicasOf(object);
  return now === 0 && Number.isSafeInteger(kept) && kept > 0 ? kept : now;
}

/** By the selector: between a Deployment and its pods there is a ReplicaSet that may be gone first. */
function owns(object: KubeObject, pod: KubeObject): boolean {
  const labels = valueAt(object, ['spec', 'selector', 'matchLabels']);
  if (typeof labels !== 'object' || labels === null) return false;
  return Object.entries(labels).every(([key, value]) => pod.metadata.labels?.[key] === value);
}
