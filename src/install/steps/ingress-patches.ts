import type { KubeObject } from '../../kube/types.js';
import { sameValue } from '../../runai/values/key.js';

/** Annotations that tools set for themselves. */
const TOOLS =
  /^(meta\.helm\.sh\/|kubectl\.kubernetes\.io\/last-applied-configuration$|field\.cattle\.io\/|airgap\/)/;

export interface TlsEntry {
  readonly hosts?: readonly string[];
  readonly secretName?: string;
}

interface Rule {
  readonly host?: string;
  readonly [field: string]: unknown;
}

export type Ingress = KubeObject & {
  readonly spec?: { readonly tls?: readonly TlsEntry[]; readonly rules?: readonly Rule[] };
};

/** What somebody added to an ingress by hand. */
export interface IngressPatches {
  readonly annotations: Readonly<Record<string, string>>;
  readonly tls: readonly TlsEntry[];
  readonly rules: readonly Rule[];
}

export interface Reapplication {
  /** JSON merge patch; absent when all is there. */
  readonly patch?: Readonly<Record<string, unknown>>;
  /** What the patch brings, in words. */
  readonly missing: readonly string[];
  /** Where the new chart says otherwise: its word stays, and the operator is told. */
  readonly conflicts: readonly string[];
}

/** The difference between a saved ingress and what its chart had rendered. Without the latter, all is by hand. */
export function patchesOf(saved: Ingress, rendered: Ingress | undefined): IngressPatches {
  const own = rendered?.metadata.annotations ?? {};
  const annotations = Object.entries(saved.metadata.annotations ?? {}).filter(
    ([name, value]) => !TOOLS.test(name) && own[name] !== value,
  );
  return {
    annotations: Object.fromEntries(annotations),
    tls: without(saved.spec?.tls, rendered?.spec?.tls),
    rules: without(saved.spec?.rules, rendered?.spec?.rules).filter(
      (rule) => !(rendered?.spec?.rules ?? []).some((other) => other.host === rule.host),
    ),
  };
}

/** How the patches come onto the ingress that is there now. */
export function reapply(patches: IngressPatches, live: Ingress): Reapplication {
  const missing: string[] = [];
  const conflicts: string[] = [];
  const annotations: Record<string, string> = {};
  for (const [name, value] of Object.entries(patches.annotations)) {
    const now = live.metadata.annotations?.[name];
    if (now === value) continue;
    if (now !== undefined) conflicts.push(`annotation ${name}: the new chart sets another value`);
    else {
      annotations[name] = value;
      missing.push(`annotation ${name}`);
    }
  }
  const tls = without(patches.tls, live.spec?.tls);
  for (const entry of tls)
    missing.push(`tls entry ${entry.secretName ?? ''} for ${(entry.hosts ?? []).join(', ')}`);
  const rules = patches.rules.filter(
    (rule) => !(live.spec?.rules ?? []).some((other) => other.host === rule.host),
  );
  for (const rule of rules) missing.push(`rule for ${rule.host}`);
  if (missing.length === 0) return { missing, conflicts };
  const spec = {
    ...(tls.length === 0 ? {} : { tls: [...(live.spec?.tls ?? []), ...tls] }),
    ...(rules.length === 0 ? {} : { rules: [...(live.spec?.rules ?? []), ...rules] }),
  };
  const patch = {
    metadata: {
      ...(Object.keys(annotations).length === 0 ? {} : { annotations }),
      // Another writer in between must not lose what it wrote.
      resourceVersion: live.metadata.resourceVersion,
    },
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
  };
  return { patch, missing, conflicts };
}

function without<T>(list: readonly T[] | undefined, known: readonly T[] | undefined): T[] {
  return (list ?? []).filter((item) => !(known ?? []).some((other) => sameValue(other, item)));
}
