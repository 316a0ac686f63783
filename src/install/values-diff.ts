import { effectiveValues } from '../helm/effective.js';
import { formatValuePath, isMap, type ValuePath, type Values, valueAt } from './values.js';

/** One place where two sets of values differ. Secrets are masked; strings are cut. */
export interface Difference {
  readonly path: string;
  readonly kind: 'added' | 'removed' | 'changed';
  readonly before?: string;
  readonly after?: string;
}

/** One place where what is in effect changes, and why. */
export interface ValueChange extends Difference {
  /** `own`: what the release is given changes; `default`: the new chart says otherwise where nobody had a say. */
  readonly origin: 'own' | 'default';
}

/** A chart's own values and those that it is given. */
export interface ValuesSide {
  readonly defaults: Values;
  readonly values: Values;
}

const MASK = '[redacted]';
const LONGEST = 120;
/** A private registry has an address, which is no secret; its password is one by its own name. */
const SECRET_KEY = /password|passwd|secret|token|api_?key|private(?!_?registry)|credential|^key$|^crt$/i;
/** Names of Secrets, not their content. */
const NOT_SECRET = /(existingSecret|secretName|secretRef|imagePullSecrets|secrets?\[\d+\]\.name)$/i;

/** What changes between two sets of values, sorted by path. */
export function diffValues(before: Values, after: Values): Difference[] {
  return placesOf(before, after).map(({ at: _at, ...difference }) => difference);
}

/** What changes in effect between two releases: what they are given first, then defaults; each sorted by path. */
export function diffEffective(before: ValuesSide, after: ValuesSide): ValueChange[] {
  const [was, is] = [before, after].map(({ defaults, values }) =>
    withoutNulls(effectiveValues(defaults, values)),
  ) as [Values, Values];
  const changes = placesOf(was, is).flatMap(({ at, ...difference }): ValueChange[] => {
    const given = [before, after].map(({ values }) => JSON.stringify(givenAt(values, at)));
    if (given[0] !== given[1]) return [{ ...difference, origin: 'own' }];
    return isCopyOfGlobal(at, [was, is]) ? [] : [{ ...difference, origin: 'default' }];
  });
  return [...changes.filter(isOwn), ...changes.filter((change) => !isOwn(change))];
}

export function isOwn({ origin }: Pick<ValueChange, 'origin'>): boolean {
  return origin === 'own';
}

/** The value at a path, or what stands in its way: a null or a scalar above it takes every default below away. */
function givenAt(values: Values, path: ValuePath): unknown {
  let at: unknown = values;
  for (const part of path) {
    if (!isMap(at) && !Array.isArray(at)) return at;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

/** Helm's record of a release repeats the chart's global values below each subchart. */
function isCopyOfGlobal(path: ValuePath, sides: readonly Values[]): boolean {
  const at = path.indexOf('global', 1);
  return at > 0 && sides.some((side) => valueAt(side, path.slice(at)) !== undefined);
}

/** To a chart a key that is null is a key that is not there. */
function withoutNulls(values: Values): Values {
  const kept = Object.entries(values).filter(([, value]) => value !== null);
  return Object.fromEntries(kept.map(([key, value]) => [key, isMap(value) ? withoutNulls(value) : value]));
}

type Place = Difference & { readonly at: ValuePath };

function placesOf(before: Values, after: Values): Place[] {
  const places: Place[] = [];
  walk([], before, after, places);
  return places.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** A copy with every secret masked, for reports. */
export function maskValues(values: unknown, path: ValuePath = []): unknown {
  if (Array.isArray(values)) return values.map((item, index) => maskValues(item, [...path, index]));
  if (isMap(values)) {
    return Object.fromEntries(
      Object.entries(values).map(([key, value]) => [key, maskValues(value, [...path, key])]),
    );
  }
  return isSecret(path) && values !== '' && values !== null ? MASK : values;
}

/** Every secret string in values, so that it can be kept out of messages. Short ones would mask half of a text. */
export function secretStrings(values: unknown, path: ValuePath = []): string[] {
  if (Array.isArray(values)) return values.flatMap((item, index) => secretStrings(item, [...path, index]));
  if (isMap(values))
    return Object.entries(values).flatMap(([key, value]) => secretStrings(value, [...path, key]));
  return typeof values === 'string' && values.length >= 4 && isSecret(path) ? [values] : [];
}

function walk(path: ValuePath, before: unknown, after: unknown, changes: Place[]): void {
  if (isMap(before) && isMap(after)) {
    for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
      walk([...path, key], before[key], after[key], changes);
    return;
  }
  if (Array.isArray(before) && Array.isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++)
      walk([...path, index], before[index], after[index], changes);
    return;
  }
  if (Object.is(before, after)) return;
  if (before === undefined && isMap(after) && Object.keys(after).length > 0) {
    for (const [key, value] of Object.entries(after)) walk([...path, key], undefined, value, changes);
    return;
  }
  if (after === undefined && isMap(before) && Object.keys(before).length > 0) {
    for (const [key, value] of Object.entries(before)) walk([...path, key], value, undefined, changes);
    return;
  }
  changes.push({
    at: path,
    path: formatValuePath(path),
    kind: before === undefined ? 'added' : after === undefined ? 'removed' : 'changed',
    ...(before === undefined ? {} : { before: shown(path, before) }),
    ...(after === undefined ? {} : { after: shown(path, after) }),
  });
}

function shown(path: ValuePath, value: unknown): string {
  const text = JSON.stringify(maskValues(value, path));
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function isSecret(path: ValuePath): boolean {
  const text = formatValuePath(path);
  if (NOT_SECRET.test(text)) return false;
  return path.some(
    (part) => typeof part === 'string' && SECRET_KEY.test(part) && !/^imagePullSecrets$/.test(part),
  );
}
