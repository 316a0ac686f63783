import type { KubeObject } from '../../kube/types.js';
import { sameValue } from '../../runai/values/key.js';
import { isMap } from '../values.js';

/** Annotations and labels that tools set for themselves, on whatever object. */
export const TOOLS =
  /^(app\.kubernetes\.io\/managed-by$|helm\.sh\/chart$|app\.kubernetes\.io\/version$|meta\.helm\.sh\/|kubectl\.kubernetes\.io\/last-applied-configuration$|field\.cattle\.io\/|airgap\/)/;

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

interface ChangedTls {
  readonly value: TlsEntry;
  /** The chart’s entry for the same hosts. */
  readonly rendered?: TlsEntry;
}

interface ChangedPath {
  readonly host?: string;
  readonly value: Path;
  /** The chart’s own path of this name. */
  readonly rendered?: Path;
}

/** What somebody changed on an ingress by hand. */
export interface IngressPatches {
  readonly annotations: Readonly<Record<string, Changed>>;
  readonly labels: Readonly<Record<string, Changed>>;
  /** Members of the spec that hold one value. */
  readonly fields: Readonly<Record<string, Changed>>;
  /** Told apart by their hosts: of two entries for one host, controllers take the first. */
  readonly tls: readonly ChangedTls[];
  /** For hosts that the chart had no rule for. */
  readonly rules: readonly Rule[];
  /** Of rules that the chart had: paths that were added, or that lead elsewhere. */
  readonly paths: readonly ChangedPath[];
  /** What the chart had rendered and somebody took away, in the words of partsOf(). */
  readonly removed: readonly string[];
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
  const left = new Set(partsOf(saved));
  return {
    annotations: changes(saved.metadata.annotations ?? {}, rendered?.metadata.annotations ?? {}),
    labels: changes(saved.metadata.labels ?? {}, rendered?.metadata.labels ?? {}),
    fields: changes(pick(saved.spec), pick(rendered?.spec)),
    tls: (saved.spec?.tls ?? []).flatMap((value) => {
      const known = tlsFor(rendered?.spec?.tls, value);
      return sameValue(known, value) ? [] : [{ value, ...(known === undefined ? {} : { rendered: known }) }];
    }),
    rules: (saved.spec?.rules ?? []).filter((rule) => ruleFor(had, rule.host) === undefined),
    paths: (saved.spec?.rules ?? []).flatMap((rule) => {
      const known = ruleFor(had, rule.host);
      if (known === undefined) return [];
      return (rule.http?.paths ?? []).flatMap((value): ChangedPath[] => {
        const before = pathIn(known, value.path);
        if (before !== undefined && leadsAlike(before, value)) return [];
        return [{ ...hostOf(rule), value, ...(before === undefined ? {} : { rendered: before }) }];
      });
    }),
    removed: rendered === undefined ? [] : partsOf(rendered).filter((part) => !left.has(part)),
  };
}

/** What the patches amount to, in words; for the report when there is no ingress to put them on. */
export function describePatches({
  annotations,
  labels,
  fields,
  tls,
  rules,
  paths,
}: Omit<IngressPatches, 'removed'>): string[] {
  return [
    ...Object.keys(annotations).map((name) => `annotation ${name}`),
    ...Object.keys(labels).map((name) => `label ${name}`),
    ...Object.keys(fields),
    ...tls.map(({ value }) => tlsText(value)),
    ...rules.map(ruleText),
    ...paths.map(({ host, value }) => pathText(host, value)),
  ];
}

/** How the patches come onto the ingress that is there now. */
export function reapply(patches: IngressPatches, live: Ingress): Reapplication {
  const annotations = settle(patches.annotations, live.metadata.annotations ?? {});
  const labels = settle(patches.labels, live.metadata.labels ?? {});
  const fields = settle(patches.fields, pick(live.spec));
  const tls = settleTls(patches.tls, live.spec?.tls);
  const now = live.spec?.rules ?? [];
  const rules = patches.rules.filter((rule) => ruleFor(now, rule.host) === undefined);
  const paths = settlePaths(patches.paths, now);
  const back = new Set(partsOf(live));
  const missing = describePatches({
    annotations: only(patches.annotations, annotations.set),
    labels: only(patches.labels, labels.set),
    fields: only(patches.fields, fields.set),
    tls: tls.set,
    rules,
    paths: paths.set,
  });
  const conflicts = [
    ...annotations.beaten.map((name) => `annotation ${name}: the new chart sets another value`),
    ...labels.beaten.map((name) => `label ${name}: the new chart sets another value`),
    ...fields.beaten.map((name) => `${name}: the new chart sets another value`),
    ...tls.beaten,
    ...paths.beaten,
    ...patches.removed.filter((part) => back.has(part)).map((part) => `${part}: was taken away, and is back`),
  ];
  if (missing.length === 0) return { missing, conflicts };
  const spec = {
    ...fields.set,
    ...(tls.set.length === 0 ? {} : { tls: withEntries(live.spec?.tls ?? [], tls.set) }),
    ...(rules.length + paths.set.length === 0
      ? {}
      : { rules: [...now.map((rule) => ({ ...rule, ...withPaths(rule, paths.set) })), ...rules] }),
  };
  const patch = {
    metadata: {
      ...(Object.keys(annotations.set).length === 0 ? {} : { annotations: annotations.set }),
      ...(Object.keys(labels.set).length === 0 ? {} : { labels: labels.set }),
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

/** The same rule for entries of a list: by what the chart says for these hosts now. */
function settleTls(
  changed: readonly ChangedTls[],
  live: readonly TlsEntry[] | undefined,
): { readonly set: ChangedTls[]; readonly beaten: string[] } {
  const set: ChangedTls[] = [];
  const beaten: string[] = [];
  for (const one of changed) {
    const now = tlsFor(live, one.value);
    if (sameValue(now, one.value)) continue;
    if (now === undefined || sameValue(now, one.rendered)) set.push(one);
    else beaten.push(`${tlsText(one.value)}: the new chart has ${now.secretName ?? 'no secret'} for it`);
  }
  return { set, beaten };
}

function settlePaths(
  changed: readonly ChangedPath[],
  rules: readonly Rule[],
): { readonly set: ChangedPath[]; readonly beaten: string[] } {
  const set: ChangedPath[] = [];
  const beaten: string[] = [];
  for (const one of changed) {
    const { host, value, rendered } = one;
    const rule = ruleFor(rules, host);
    if (rule === undefined) {
      beaten.push(`path ${value.path ?? '/'}: the new chart has no rule for ${host}`);
      continue;
    }
    const now = pathIn(rule, value.path);
    if (now !== undefined && leadsAlike(now, value)) continue;
    if (now === undefined || (rendered !== undefined && leadsAlike(now, rendered))) set.push(one);
    else beaten.push(`${pathText(host, value)}: the new chart sends it elsewhere`);
  }
  return { set, beaten };
}

function withEntries(live: readonly TlsEntry[], set: readonly ChangedTls[]): TlsEntry[] {
  const values = set.map(({ value }) => value);
  const added = values.filter((value) => tlsFor(live, value) === undefined);
  return [...live.map((entry) => tlsFor(values, entry) ?? entry), ...added];
}

function withPaths(rule: Rule, set: readonly ChangedPath[]): Pick<Rule, 'http'> {
  const own = set.filter(({ host }) => (host ?? '') === (rule.host ?? '')).map(({ value }) => value);
  if (own.length === 0) return {};
  const paths = rule.http?.paths ?? [];
  const named = (list: readonly Path[], path: string | undefined): Path | undefined =>
    list.find((one) => (one.path ?? '/') === (path ?? '/'));
  const added = own.filter(({ path }) => named(paths, path) === undefined);
  return { http: { ...rule.http, paths: [...paths.map((one) => named(own, one.path) ?? one), ...added] } };
}

/** What an ingress consists of, each in words; values are left out. */
function partsOf({ metadata, spec }: Ingress): string[] {
  const named = (map: Readonly<Record<string, unknown>> | undefined): string[] =>
    Object.entries(map ?? {}).flatMap(([name, value]) =>
      TOOLS.test(name) || value === undefined || value === null ? [] : [name],
    );
  return [
    ...named(metadata.annotations).map((name) => `annotation ${name}`),
    ...named(metadata.labels).map((name) => `label ${name}`),
    ...(spec?.tls ?? []).map(({ hosts }) => `tls entry for ${(hosts ?? []).join(', ')}`),
    ...(spec?.rules ?? []).flatMap((rule) => [
      ruleText(rule),
      ...(rule.http?.paths ?? []).map((path) => pathText(rule.host, path)),
    ]),
  ];
}

function only(
  changed: Readonly<Record<string, Changed>>,
  set: Readonly<Record<string, unknown>>,
): Record<string, Changed> {
  return Object.fromEntries(Object.entries(changed).filter(([name]) => Object.hasOwn(set, name)));
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

function tlsFor(entries: readonly TlsEntry[] | undefined, { hosts }: TlsEntry): TlsEntry | undefined {
  const of = (entry: readonly string[] | undefined): string => [...(entry ?? [])].sort().join(' ');
  return entries?.find((entry) => of(entry.hosts) === of(hosts));
}

function hostOf({ host }: Rule): { host?: string } {
  return host === undefined ? {} : { host };
}

/** Charts of old releases say in an older API version what the server answers in the newest. */
function leadsAlike(a: Path, b: Path): boolean {
  return sameValue(targetOf(a), targetOf(b));
}

function targetOf({ backend }: Path): unknown {
  if (!isMap(backend)) return backend;
  const { serviceName, servicePort, service } = backend;
  if (isMap(service)) {
    const port = isMap(service['port']) ? (service['port']['number'] ?? service['port']['name']) : undefined;
    return { name: service['name'], port: String(port) };
  }
  return serviceName === undefined ? backend : { name: serviceName, port: String(servicePort) };
}

function ruleText({ host }: Rule): string {
  return `rule for ${host ?? 'any host'}`;
}

function pathText(host: string | undefined, { path }: Path): string {
  return `path ${path ?? '/'} of ${host ?? 'any host'}`;
}

function tlsText({ secretName, hosts }: TlsEntry): string {
  return `tls entry ${secretName ?? ''} for ${(hosts ?? []).join(', ')}`;
}
