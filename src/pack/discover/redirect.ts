import type { Fault } from '../../errors.js';
import type { PackedChart } from '../chart/types.js';
import { asRecord } from '../loose.js';
import type { Selection, WantedImage } from './select.js';
import { type FoundImage, formatPlace, placeKey } from './types.js';

/** Stands for the site's registry in the second rendering; .invalid never resolves (RFC 2606). */
export const PLACEHOLDER_REGISTRY = 'registry.airgap.invalid:5000/site';

/**
 * The values that redirect images to a registry, as a tree: dotted keys, `\.` for a dot within a key,
 * `{{registry}}` for HOST[:PORT][/PREFIX].
 */
export function redirectValues(
  imageValues: Readonly<Record<string, string>>,
  registry: string,
): Record<string, unknown> {
  const root: Record<string, unknown> = {};
  for (const [key, text] of Object.entries(imageValues)) {
    const path = splitKey(key);
    const last = path.pop() ?? key;
    let at = root;
    for (const step of path) {
      const next = asRecord(own(at, step));
      const copy = { ...next };
      Object.defineProperty(at, step, { value: copy, enumerable: true, writable: true, configurable: true });
      at = copy;
    }
    Object.defineProperty(at, last, {
      value: text.replaceAll('{{registry}}', registry),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return root;
}

export interface RedirectCheck {
  readonly chart: PackedChart;
  /** What the chart names without the redirecting values. */
  readonly plain: readonly FoundImage[];
  /** And with them, PLACEHOLDER_REGISTRY in place of the registry. */
  readonly redirected: readonly FoundImage[];
  readonly selection: Selection;
}

/**
 * Every image of the second rendering must lie below the site's registry, under the name that the bundle gives
 * it: charts that name other images than their archive holds have been shipped (domain.md, section 1).
 */
export function redirectFaults(check: RedirectCheck): Fault[] {
  const { wanted, excluded } = check.selection;
  const before = new Map(check.plain.map((found) => [placeKey(found.place), found.image]));
  const byPlace = new Map(wanted.flatMap((image) => image.places.map((place) => [placeKey(place), image])));
  const targets = new Set(wanted.map((image) => image.target));
  const free = new Set(excluded.flatMap((image) => image.places.map(placeKey)));
  return check.redirected.flatMap(({ image, place }): Fault[] => {
    const key = placeKey(place);
    if (free.has(key)) return [];
    const where = formatPlace(place);
    const original = before.get(key) ?? image;
    if (!image.startsWith(`${PLACEHOLDER_REGISTRY}/`)) {
      const keys = keysToSet(check.chart, original);
      const what = `${image} is not redirected to the site's registry`;
      const expected = keys.length > 0 ? `imageValues for ${keys.join(' or ')}` : 'more imageValues';
      return [{ where, what, expected }];
    }
    const below = image.slice(PLACEHOLDER_REGISTRY.length + 1);
    const target = targetOf(below, byPlace.get(key), targets);
    if (target === undefined) return [];
    const what = `the site would look for ${below}, which the bundle does not carry`;
    return [{ where, what, expected: target, found: below }];
  });
}

/** What was expected when `below` is no fit; undefined when it fits. */
function targetOf(
  below: string,
  image: WantedImage | undefined,
  targets: ReadonlySet<string>,
): string | undefined {
  const tagged = withTag(below);
  if (!image) return targets.has(tagged) ? undefined : 'a target of the bundle';
  const names = [image.target];
  // repository:tag@digest is pulled by its digest, which a push to repository:tag brings along
  if (image.ref?.digest !== undefined) names.push(`${image.target}@${image.ref.digest}`);
  return names.includes(tagged) ? undefined : image.target;
}

function withTag(name: string): string {
  return name.includes('@') || name.lastIndexOf(':') > name.lastIndexOf('/') ? name : `${name}:latest`;
}

/** Keys of the chart's own values which hold a part of the image's name: what imageValues probably lacks. */
function keysToSet(chart: PackedChart, image: string): string[] {
  const name = image.replace(/@.*$/, '').replace(/:[^/]*$/, '');
  const slash = name.indexOf('/');
  const parts = new Set([image, name, name.slice(slash + 1), name.slice(0, slash)]);
  const found = chart.chart.values.flatMap(({ prefix, value }) => leavesWith(value, prefix, parts));
  return [...new Set(found)].filter((key) => !(key in chart.imageValues)).slice(0, 5);
}

function leavesWith(value: unknown, path: readonly string[], wanted: ReadonlySet<string>): string[] {
  if (typeof value === 'string') {
    return wanted.has(value) && value !== ''
      ? [path.map((step) => step.replaceAll('.', '\\.')).join('.')]
      : [];
  }
  return Object.entries(asRecord(value)).flatMap(([key, item]) => leavesWith(item, [...path, key], wanted));
}

function splitKey(key: string): string[] {
  return key.split(/(?<!\\)\./).map((part) => part.replaceAll('\\.', '.'));
}

function own(record: Record<string, unknown>, key: string): unknown {
  return Object.hasOwn(record, key) ? record[key] : undefined;
}
