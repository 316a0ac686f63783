import type { KubeObject, Resource } from '../../kube/types.js';
import type { StepContext, StepExecutor } from '../../run/types.js';
import { BACKEND, ROUTE } from '../../runai/names.js';
import { changes, type Reapplication, settle } from './ingress-patches.js';
import { renderedObject, savedObjects } from './saved-site.js';
import type { Work } from './types.js';

type Route = KubeObject & { readonly spec?: { readonly tls?: Readonly<Record<string, unknown>> } };

interface Gap extends Reapplication {
  readonly name: string;
}

/** Puts hand-made annotations and TLS settings back onto the Routes that the new chart made; its own word stays. */
export function restoreRoutesStep({ client }: Pick<Work, 'client'>, namespace: string): StepExecutor {
  const look = async ({ saved, signal }: StepContext): Promise<{ gaps: Gap[]; resource?: Resource }> => {
    const resource = await client.resourceFor(ROUTE.apiVersion, ROUTE.kind, { signal });
    if (resource === undefined) return { gaps: [] };
    const gaps: Gap[] = [];
    for (const before of (await savedObjects(saved, ROUTE, namespace)) as Route[]) {
      const { name } = before.metadata;
      const rendered = await renderedObject(saved, BACKEND.release, { ...ROUTE, namespace, name });
      // A Route that no chart made is nobody's to delete, and was not.
      if (rendered === undefined) continue;
      const live = await client.get<Route>(resource, { name, namespace }, { signal });
      gaps.push({ name, ...reapplyRoute(before, rendered, live) });
    }
    return { gaps, resource };
  };
  return {
    observe: async (context) => {
      const { gaps } = await look(context);
      const missing = gaps.flatMap((gap) => gap.missing.map((text) => `${gap.name} ${text}`));
      if (missing.length > 0) return { state: 'ready', detail: `to put back: ${missing.join('; ')}` };
      const lost = gaps.flatMap((gap) => gap.conflicts.map((text) => `${gap.name} ${text}`));
      return { state: 'done', ...(lost.length === 0 ? {} : { detail: `not put back: ${lost.join('; ')}` }) };
    },
    perform: async (context) => {
      const { gaps, resource } = await look(context);
      for (const { name, patch, conflicts } of gaps) {
        if (resource === undefined || patch === undefined) continue;
        await context.guard();
        await client.patch(resource, { name, namespace }, patch, { signal: context.signal });
        for (const text of conflicts)
          context.emit({ type: 'note', level: 'warn', text: `route ${name}: ${text}` });
      }
    },
  };
}

/** How hand-made annotations and TLS settings come onto the Route that is there now; names only, no values. Pure. */
export function reapplyRoute(before: Route, rendered: Route, live: Route | undefined): Reapplication {
  const annotations = changes(before.metadata.annotations ?? {}, rendered.metadata.annotations ?? {});
  const tls = changes(before.spec?.tls ?? {}, rendered.spec?.tls ?? {});
  const name = (key: string): string => `annotation ${key}`;
  const field = (key: string): string => `tls.${key}`;
  if (live === undefined) {
    const lost = [...Object.keys(annotations).map(name), ...Object.keys(tls).map(field)];
    return { missing: [], conflicts: lost.map((text) => `${text}: the new chart made no such Route`) };
  }
  const marks = settle(annotations, live.metadata.annotations ?? {});
  const fields = settle(tls, live.spec?.tls ?? {});
  const missing = [...Object.keys(marks.set).map(name), ...Object.keys(fields.set).map(field)];
  const conflicts = [...marks.beaten.map(name), ...fields.beaten.map(field)].map(
    (text) => `${text}: the new chart sets another value`,
  );
  if (missing.length === 0) return { missing, conflicts };
  const patch = {
    // Another writer in between must not lose what it wrote.
    metadata: { annotations: marks.set, resourceVersion: live.metadata.resourceVersion },
    ...(Object.keys(fields.set).length === 0 ? {} : { spec: { tls: fields.set } }),
  };
  return { patch, missing, conflicts };
}
