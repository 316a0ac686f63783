import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient } from '../../kube/types.js';
import { valueAt } from '../values.js';
import type { Leaves } from './leaving.js';

const SPOKEN = /(?:admission webhook|failed calling webhook) "([^"]+)"/;

/** Names of the webhooks whose configuration goes away before a chart comes: their answers say nothing about it. */
export async function leavingWebhooks(
  client: KubeClient,
  leaves: Leaves,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const going = new Set<string>();
  const staying = new Set<string>();
  for (const resource of [RESOURCES.validatingWebhooks, RESOURCES.mutatingWebhooks])
    for (const one of await client.list(resource, { signal })) {
      const hooks = valueAt(one, ['webhooks']);
      const names = (Array.isArray(hooks) ? hooks : []).map((hook) => String(valueAt(hook, ['name'])));
      const place = leaves({ ...one, kind: resource.kind }) ? going : staying;
      for (const name of names) place.add(name);
    }
  return new Set([...going].filter((name) => !staying.has(name)));
}

/** The webhook that refused something, or did not answer; undefined when none is named. */
export function webhookIn(why: string): string | undefined {
  return SPOKEN.exec(why)?.[1];
}
