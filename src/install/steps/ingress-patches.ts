import type { KubeObject } from '../../kube/types.js';
import { sameValue } from '../../runai/values/key.js';

/** Annotations that tools set for themselves, on whatever object. */
export const TOOLS =
  /^(meta\.helm\.sh\/|kubectl\.kubernetes\.io\/last-applied-configuration$|field\.cattle\.io\/|airgap\/)/;

export interface TlsEntry {
  readonly hosts?: readonly string[];
  readonly secretName?: string;
}

interface Path {
  readonly path?: string;
  readonly [field: string]: unknown;
}

interface Rule {
  readonly host?: string;
  readonly http?: { readonly paths?: readonly Path[] };
  readonly [field: string]: unknown;
}

interface IngressSpec {
  readonly ingressClassName?: string;
  readonly defaultBackend?: unknown;
  readonly tls?: readonly TlsEntry[];
  readonly rules?: readonly Rule[];
}

export type Ingress = KubeObject & { readonly spec?: IngressSpec };

/** A single value that somebody set over what the chart had said. */
export interface Changed {
  readonly value: unknown;
  /** What the chart had rendered; undefined when it said nothing. */
  readonly rendered?: unknown;
}

/** What somebody changed on an ingress by hand. */
export interface IngressPatches {
  readonly annotations: Readonly<Record<string, Changed>>;
  /** Members of the spec that hold one value. */
  readonly fields: Readonly<Record<string, Changed>>;
  readonly tls: readonly TlsEntry[];
  /** For hosts that the chart had no rule for. */
  readonly rules: readonly Rule[];
  /** Added to rules that the chart had. */
  readonly paths: readonly { readonly host?: string; readonly path: Path }[];
}

export interface Reapplication {
  /** JSON merge patch; absent when all is there. */
  readonly patch?: Readonly<Record<string, unknown>>;
  /** What the patch brings, in words. */
  readonly missing: readonly string[];
  /** Where the new chart says otherwise than the old one did: its word stays, and the operator is told. */
  readonly conflicts: readonly string[];
}

const FIELDS = ['ingressClassName', 'defaultBackend'] as const;

/** The difference between a saved ingress and what its chart had rendered. Without the latter, all is by hand. */
export function patchesOf(saved: Ingress, rendered: Ingress | undefined): IngressPatches {
  const had = rendered?.spec?.rules ?? [];
  return {
    annotations: changes(saved.metadata.annotations ?? {}, rendered?.metadata.annotations ?? {}),
    fields: changes(pick(saved.spec), pick(rendered?.spec)),
    tls: without(saved.spec?.tls, rendered?.spec?.tls),
    rules: (saved.spec?.rules ?? []).filter((rule) => ruleFor(had, rule.host) === undefined),
    paths: (saved.spec?.rules ?? []).flatMap((rule) => {
      const known = ruleFor(had, rule.host);
      if (known === undefined) return [];
      return (rule.http?.paths ?? [])
        .filter(({ path }) => pathIn(known, path) === undefined)
        .map((path) => ({ ...(rule.host === undefined ? {} : { host: rule.host }), path }));
    }),
  };
}

/** What the patches amount to, in words; for the report when there is no ingress to put them on. */
export function describePatches({ annotations, fields, tls, rules, paths }: IngressPatches): string[] {
  return [
    ...Object.keys(annotations).map((name) => `annotation ${name}`),
    ...Object.keys(fields),
    ...tls.map(tlsText),
    ...rules.map((rule) => `rule for ${rule.host ?? 'any host'}`),
    ...paths.map(({ host, path }) => `path ${path.path ?? '/'} of ${host ?? 'any host'}`),
  ];
}

/** How the patches come onto the ingress that is there now. */
export function reapply(patches: IngressPatches, live: Ingress): Reapplication {
  const annotations = settle(patches.annotations, live.metadata.annotations ?? {});
  const fields = settle(patches.fields, pick(live.spec));
  const tls = without(patches.tls, live.spec?.tls);
  const now = live.spec?.rules ?? [];
  const rules = patches.rules.filter((rule) => ruleFor(now, rule.host) === undefined);
  const paths = patches.paths.filter(({ host, path }) => {
    const rule = ruleFor(now, host);
    return rule === undefined || pathIn(rule, path.path) === undefined;
  });
  const homeless = paths.filter(({ host }) => ruleFor(now, host) === undefined);
  const placed = paths.filter((one) => !homeless.includes(one));
  const missing = [
    ...Object.keys(annotations.set).map((name) => `annotation ${name}`),
    ...Object.keys(fields.set),
    ...tls.map(tlsText),
    ...rules.map((rule) => `rule for ${rule.host ?? 'any host'}`),
    ...placed.map(({ host, path }) => `path ${path.path ?? '/'} of ${host ?? 'any host'}`),
  ];
  const conflicts = [
    ...annotations.beaten.map((name) => `annotation ${name}: the new chart sets another value`),
    ...fields.beaten.map((name) => `${name}: the new chart sets another value`),
    ...homeless.map(({ host, path }) => `path ${path.path ?? '/'}: the new chart has no rule for ${host}`),
  ];
  if (missing.length === 0) return { missing, conflicts };
  const withPaths = now.map((rule) => ({ ...rule, ...extended(rule, placed) }));
  const spec = {
    ...fields.set,
    ...(tls.length === 0 ? {} : { tls: [...(live.spec?.tls ?? []), ...tls] }),
    ...(rules.length + placed.length === 0 ? {} : { rules: [...withPaths, ...rules] }),
  };
  const patch = {
    metadata: {
      ...(Object.keys(annotations.set).length === 0 ? {} : { annotations: annotations.set }),
      // Another writer in between must not lose what it wrote.
      resourceVersion: live.metadata.resourceVersion,
    },
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
  };
  return { patch, missing, conflicts };
}

/** What differs from what the chart had rendered, by name; nothing that tools set for themselves. */
export function changes(
  saved: Readonly<Record<string, unknown>>,
  rendered: Readonly<Record<string, unknown>>,
): Record<string, Changed> {
  const changed = Object.entries(saved).filter(
    ([name, value]) => !TOOLS.test(name) && !sameValue(rendered[name], value),
  );
  return Object.fromEntries(
    changed.map(([name, value]) => [
      name,
      { value, ...(rendered[name] === undefined ? {} : { rendered: rendered[name] }) },
    ]),
  );
}

/** A chart that says the same as before was overruled by hand and is so again; one that says something new wins. */
export function settle(
  changed: Readonly<Record<string, Changed>>,
  live: Readonly<Record<string, unknown>>,
): { readonly set: Record<string, unknown>; readonly beaten: string[] } {
  const set: Record<string, unknown> = {};
  const beaten: string[] = [];
  for (const [name, { value, rendered }] of Object.entries(changed)) {
    const now = live[name];
    if (sameValue(now, value)) continue;
    if (now === undefined || sameValue(now, rendered)) set[name] = value;
    else beaten.push(name);
  }
  return { set, beaten };
}

function pick(spec: IngressSpec | undefined): Record<string, unknown> {
  return Object.fromEntries(
    FIELDS.flatMap((name) => (spec?.[name] === undefined ? [] : [[name, spec[name]] as const])),
  );
}

function ruleFor(rules: readonly Rule[], host: string | undefined): Rule | undefined {
  return rules.find((rule) => (rule.host ?? '') === (host ?? ''));
}

function pathIn(rule: Rule, path: string | undefined): Path | undefined {
  return rule.http?.paths?.find((one) => (one.path ?? '/') === (path ?? '/'));
}

function extended(rule: Rule, placed: IngressPatches['paths']): Pick<Rule, 'http'> {
  const own = placed.filter(({ host }) => (host ?? '') === (rule.host ?? '')).map(({ path }) => path);
  return own.length === 0 ? {} : { http: { ...rule.http, paths: [...(rule.http?.paths ?? []), ...own] } };
}

function tlsText({ secretName, hosts }: TlsEntry): string {
  return `tls entry ${secretName ?? ''} for ${(hosts ?? []).join(', ')}`;
}

function without<T>(list: readonly T[] | undefined, known: readonly T[] | undefined): T[] {
  return (list ?? []).filter((item) => !(known ?? []).some((other) => sameValue(other, item)));
}
