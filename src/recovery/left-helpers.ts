import { RESOURCES } from '../kube/resources.js';
import type { KubeClient, KubeObject } from '../kube/types.js';
import type { StepContext } from '../run/types.js';
import { textAt } from './value-at.js';
import { podsOf } from './volume-find.js';

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
