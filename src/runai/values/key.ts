/** A tree of helm values. */
export type Values = Readonly<Record<string, unknown>>;

/** A place in the tree, segment by segment. */
export type Key = readonly string[];

/** A value at the end of a key: anything but a map with members. Lists are leaves. */
export interface Leaf {
  readonly key: Key;
  readonly value: unknown;
}

/** `grafana.grafana\.ini.server` of segments: dots inside a segment are escaped as for helm's --set. */
export function formatKey(key: Key): string {
  return key.map((segment) => segment.replace(/[\\.]/g, '\\$&')).join('.');
}

/** Segments of a dotted key. */
export function parseKey(text: string): string[] {
  const segments: string[] = [];
  let current = '';
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] as string;
    if (letter === '\\' && at + 1 < text.length) current += text[++at];
    else if (letter === '.') {
      segments.push(current);
      current = '';
    } else current += letter;
  }
  return [...segments, current];
}

/** Every leaf of a tree, in its order. */
export function leavesOf(values: unknown, prefix: Key = []): Leaf[] {
  if (!isMap(values) || Object.keys(values).length === 0)
    return prefix.length === 0 ? [] : [{ key: prefix, value: values }];
  return Object.entries(values).flatMap(([name, inner]) => leavesOf(inner, [...prefix, name]));
}

/** The tree that has exactly these leaves; later ones go over earlier ones. */
export function treeOf(leaves: readonly Leaf[]): Record<string, unknown> {
  const tree: Record<string, unknown> = {};
  for (const { key, value } of leaves) {
    let place = tree;
    for (const segment of key.slice(0, -1)) {
      const inner = Object.hasOwn(place, segment) ? place[segment] : undefined;
      const next = isMap(inner) ? (inner as Record<string, unknown>) : {};
      Object.defineProperty(place, segment, {
        value: next,
        enumerable: true,
        writable: true,
        configurable: true,
      });
      place = next;
    }
    const name = key.at(-1) as string;
    Object.defineProperty(place, name, { value, enumerable: true, writable: true, configurable: true });
  }
  return tree;
}

/** The value at a key, or undefined. */
export function valueAt(values: unknown, key: Key): unknown {
  let place: unknown = values;
  for (const segment of key) {
    if (!isMap(place) || !Object.hasOwn(place, segment)) return undefined;
    place = place[segment];
  }
  return place;
}

/**
 * Whether a chart's default values have a place for a key: it is there, or it lies below something that the
 * chart leaves open (an empty map or list, or null).
 */
export function hasPlace(defaults: unknown, key: Key): boolean {
  let place: unknown = defaults;
  for (const segment of key) {
    if (place === null) return true;
    if (Array.isArray(place)) return place.length === 0;
    if (!isMap(place)) return false;
    if (Object.keys(place).length === 0) return true;
    if (!Object.hasOwn(place, segment)) return false;
    place = place[segment];
  }
  return true;
}

/** Equality of plain data. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => sameValue(item, b[index]));
  }
  if (!isMap(a) || !isMap(b)) return false;
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameValue(a[name], b[name]))
  );
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
