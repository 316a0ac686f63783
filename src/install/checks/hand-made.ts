import { mapPooled } from '../../io/pool.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import { OBJECTS } from '../../runai/names.js';
import type { Finding } from '../findings.js';
import { handMade } from '../hand-made.js';
import { type Leaves, leavesBefore } from './leaving.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'upgrade.hand-made', title: 'hand-made changes' };
const WIDTH = 4;
const SHOWN = 20;
/** Never made anew: a step marks them to be kept, or the run stops. What differs on them is the binder's. */
const KEPT = new Set(['PersistentVolumeClaim', 'PersistentVolume']);

/** An object that is made anew, with the fields that somebody changed on it. */
export interface Changed {
  /** service runai-backend/runai-backend-backend */
  readonly name: string;
  readonly fields: readonly string[];
}

/** What people changed on objects that are deleted and made anew, where no step puts it back. */
export const handMadeCheck: Check = {
  row: ROW,
  applies: ({ made }) => made.plan.steps.some(({ destructive }) => destructive),
  run: async ({ client, site, made, recorded, rendered: render, signal }) => {
    const rendered = await render();
    const manifests = recorded();
    const rules = rendered.map((one) => leavesBefore(one, { steps: made.plan.steps, manifests, rendered }));
    const leaves: Leaves = (live) => rules.some((takes) => takes(live));
    const found: Changed[] = [];
    for (const [release, { namespace }] of site.releases) {
      const record = { namespace, objects: manifests.get(release) ?? [] };
      found.push(...(await changedIn(client, record, { leaves, signal })));
    }
    return [judgeHandMade(found)];
  },
};

async function changedIn(
  client: KubeClient,
  record: { readonly namespace: string; readonly objects: readonly KubeObject[] },
  { leaves, signal }: { readonly leaves: Leaves; readonly signal: AbortSignal },
): Promise<Changed[]> {
  const all = await mapPooled(
    record.objects,
    WIDTH,
    async (object, inner): Promise<Changed | undefined> => {
      const { apiVersion = '', kind = '', metadata } = object;
      const resource = await client.resourceFor(apiVersion, kind, { signal: inner });
      if (resource === undefined) return undefined;
      const { name } = metadata;
      const place = resource.namespaced ? { namespace: metadata.namespace ?? record.namespace } : {};
      const live = await client.get(resource, { name, ...place }, { signal: inner });
      if (live === undefined || !leaves({ ...live, apiVersion, kind })) return undefined;
      const fields = lostFields(object, { ...live, kind });
      const where = place.namespace === undefined ? name : `${place.namespace}/${name}`;
      return { name: `${kind.toLowerCase()} ${where}`, fields };
    },
    signal,
  );
  return all.filter((one) => one !== undefined && one.fields.length > 0) as Changed[];
}

/** Without what steps of the plan put back, or carry over. Pure. */
export function lostFields(rendered: KubeObject, live: KubeObject): string[] {
  const { kind, metadata } = live;
  const { backendIngress, postgresSecret, runaiConfig } = OBJECTS;
  const restored = [backendIngress, postgresSecret, runaiConfig];
  if (KEPT.has(kind ?? '')) return [];
  if (restored.some((ref) => ref.kind === kind && ref.name === metadata.name)) return [];
  const fields = handMade(rendered, live);
  return kind === 'Route'
    ? fields.filter((path) => !/^(metadata\.annotations|spec\.tls)\b/.test(path))
    : fields;
}

/** Names objects and fields, and no value. Pure. */
export function judgeHandMade(changed: readonly Changed[]): Finding {
  if (changed.length === 0)
    return { ...ROW, outcome: 'pass', seen: 'nothing that is made anew was changed, or a step puts it back' };
  const shown = changed.slice(0, SHOWN).map(({ name, fields }) => `${name}: ${fields.join(', ')}`);
  const more = changed.length > SHOWN ? `; ${changed.length - SHOWN} more` : '';
  return {
    ...ROW,
    outcome: 'warn',
    seen: `changed by hand on objects that are made anew, and not put back: ${shown.join('; ')}${more}`,
    advice: 'carry it over in the values, or set it again after the run; its folder has the objects whole',
  };
}
