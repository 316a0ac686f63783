import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import type { StepContext } from '../run/types.js';
import { textAt } from './value-at.js';
import { podsOf } from './volume-find.js';

const RUN_LABEL = 'airgap/run';

/** A pod of ours; one that a run which was killed could not remove stays for a day. */
export function isHelper(pod: KubeObject): boolean {
  return textAt(pod, ['metadata', 'labels', 'airgap/helper']) !== undefined;
}

/** Removes such pods from a claim: on another node they would keep its volume from whoever comes next. */
export async function removeLeftHelpers(
  client: Pick<KubeClient, 'list' | 'delete'>,
  { namespace, claim }: { readonly namespace: string; readonly claim: string },
  { guard, signal }: Pick<StepContext, 'guard' | 'signal'>,
): Promise<void> {
  for (const pod of podsOf(await client.list(RESOURCES.pods, { namespace, signal }), claim)) {
    const { name, uid } = pod.metadata;
    if (!isHelper(pod)) continue;
    await guard();
    await client.delete(RESOURCES.pods, { namespace, name }, uid === undefined ? {} : { uid });
  }
}

/** Pods of ours say which run they belong to. */
export function labelling<T extends Pick<KubeClient, 'create'>>(client: T, runId: string): T {
  return {
    ...client,
    create: (object, options) => {
      if (object.kind !== 'Pod') return client.create(object, options);
      const { metadata } = object;
      const labels = { ...metadata.labels, [RUN_LABEL]: runId };
      return client.create({ ...object, metadata: { ...metadata, labels } }, options);
    },
  };
}

/** A process of this run that was killed could not take its pods away. */
export async function removeHelpersOf(
  client: Pick<KubeClient, 'list' | 'delete'>,
  runId: string,
  signal: AbortSignal,
): Promise<void> {
  const labelSelector = `${RUN_LABEL}=${runId}`;
  const left = await client.list(RESOURCES.pods, { labelSelector, signal });
  for (const { metadata } of left) {
    const { name, namespace = '', uid } = metadata;
    await client.delete(RESOURCES.pods, { name, namespace }, uid === undefined ? {} : { uid });
  }
}
