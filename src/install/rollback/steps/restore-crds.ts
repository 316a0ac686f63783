import { applyCrds, readLiveCrds } from '../../../kube/crd-apply.js';
import { type LiveCrd, sameSpec } from '../../../kube/crd-check.js';
import type { Crd } from '../../../kube/crd-file.js';
import { RESOURCES } from '../../../kube/resources.js';
import { FIELD_MANAGER } from '../../../kube/write.js';
import type { StepExecutor } from '../../../run/types.js';
import { CRDS_NAME } from '../../saved-names.js';
import { valueAt } from '../../values.js';
import type { RollbackWork } from '../executors.js';
import { savedCrds } from '../observe.js';

/** Puts definitions back as a run found them; what is stored decides again whether the server takes them. */
export function restoreCrdsStep(work: RollbackWork, names: readonly string[]): StepExecutor {
  const { client, origin, results } = work;
  const wanted = async (signal: AbortSignal): Promise<Crd[]> => {
    const old = (await savedCrds(origin)).filter(({ metadata }) => names.includes(metadata.name));
    const live = new Map((await readLiveCrds(client, old, signal)).map((crd) => [crd.metadata.name, crd]));
    return old.map((crd) => ({
      ...RESOURCES_OF_CRD,
      metadata: { name: crd.metadata.name, ...marksOf(crd, live.get(crd.metadata.name)) },
      spec: crd.spec,
    }));
  };
  return {
    observe: async ({ signal }) => {
      const old = await wanted(signal);
      const live = new Map(
        (await readLiveCrds(client, old, signal)).map((crd) => [crd.metadata.name, crd.spec]),
      );
      const open = old.filter(({ metadata, spec }) => {
        const now = live.get(metadata.name);
        return now === undefined || !sameSpec(spec, now);
      });
      return open.length === 0
        ? { state: 'done', detail: `${old.length} definitions` }
        : { state: 'ready', detail: `${open.length} of ${old.length} to put back` };
    },
    save: async ({ saved, signal }) => {
      await saved.put(CRDS_NAME, JSON.stringify(await readLiveCrds(client, await wanted(signal), signal)));
    },
    perform: async ({ signal, emit, guard }) => {
      results.crds = await applyCrds(client, await wanted(signal), { signal, emit, guard });
    },
  };
}

const RESOURCES_OF_CRD = { apiVersion: RESOURCES.crds.apiVersion, kind: RESOURCES.crds.kind };

const MARKS = ['labels', 'annotations'] as const;
/** kubectl's own memory of a whole object. */
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';

/** Labels and annotations as they were, but for those that somebody else has changed and holds now. */
export function marksOf(
  old: LiveCrd,
  live: LiveCrd | undefined,
): Pick<Crd['metadata'], (typeof MARKS)[number]> {
  const kept = MARKS.map((mark) => {
    const now = live?.metadata[mark] ?? {};
    const back = Object.entries(old.metadata[mark] ?? {}).filter(
      ([name, value]) =>
        name !== LAST_APPLIED &&
        (now[name] === undefined || now[name] === value || isOurs(live, [mark, name])),
    );
    return [mark, Object.fromEntries(back)] as const;
  });
  return Object.fromEntries(kept.filter(([, entries]) => Object.keys(entries).length > 0));
}

function isOurs(live: LiveCrd | undefined, [mark, name]: readonly [string, string]): boolean {
  return (live?.metadata.managedFields ?? []).some(
    (entry) =>
      entry.manager === FIELD_MANAGER &&
      valueAt(entry, ['fieldsV1', 'f:metadata', `f:${mark}`, `f:${name}`]) !== undefined,
  );
}
