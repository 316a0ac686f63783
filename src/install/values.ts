/** Helm values. */
export type Values = Readonly<Record<string, unknown>>;

/** One way down into values: map keys and list positions. */
export type ValuePath = readonly (string | number)[];

/** A `--backend-set KEY=VALUE`. */
export interface Setting {
  readonly path: ValuePath;
  readonly value: unknown;
}

/**
 * Lays one set of values over another as helm does: maps are merged key by key, everything else is replaced.
 * A null stays: in what helm is given it takes the chart's default away.
 */
export function mergeValues(under: Values, over: Values): Values {
  const merged: Record<string, unknown> = { ...under };
  for (const [key, value] of Object.entries(over)) {
    const old = merged[key];
    merged[key] = isMap(old) && isMap(value) ? mergeValues(old, value) : value;
  }
  return merged;
}

/** The value at a path, or undefined. */
export function valueAt(values: unknown, path: ValuePath): unknown {
  let at: unknown = values;
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

/** A copy with one value set; maps and list entries on the way are made when absent. */
export function withValue(values: Values, path: ValuePath, value: unknown): Values {
  return put(values, path, value) as Values;
}

function put(node: unknown, path: ValuePath, value: unknown): unknown {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (typeof part === 'number') {
    const list: unknown[] = Array.isArray(node) ? [...node] : [];
    while (list.length < part) list.push(null);
    list[part] = put(list[part], rest, value);
    return list;
  }
  const map = isMap(node) ? node : {};
  return { ...map, [part]: put(map[part], rest, value) };
}

/** A copy without the value at a path; maps that become empty by it go too. */
export function withoutValue(values: Values, path: ValuePath): Values {
  const [part, ...rest] = path;
  if (part === undefined || typeof part === 'number' || !(part in values)) return values;
  const { [part]: inner, ...others } = values;
  if (rest.length === 0) return others;
  if (!isMap(inner)) return values;
  const left = withoutValue(inner, rest);
  return Object.keys(left).length === 0 && Object.keys(inner).length > 0
    ? others
    : { ...values, [part]: left };
}

/** `a.b\.c[0].d` -> ['a', 'b.c', 0, 'd']; undefined when it is no path. */
export function parseValuePath(text: string): ValuePath | undefined {
  if (text.startsWith('.')) return undefined;
  const path: (string | number)[] = [];
  const part = /(?:^|\.)((?:\\.|[^.[\]\\])+)|\[(\d{1,5})\]/gy;
  while (part.lastIndex < text.length) {
    const match = part.exec(text);
    if (!match) return undefined;
    if (match[1] !== undefined) path.push(match[1].replace(/\\(.)/g, '$1'));
    else path.push(Number(match[2]));
  }
  return path.length > 0 && typeof path[0] === 'string' ? path : undefined;
}

export function formatValuePath(path: ValuePath): string {
  return path
    .map((part, index) => {
      if (typeof part === 'number') return `[${part}]`;
      return (index === 0 ? '' : '.') + part.replace(/[.[\]\\]/g, '\\$&');
    })
    .join('');
}

/**
 * Reads KEY=VALUE. The value is the whole rest: true, false, null and integers are taken as such, as by helm's --set;
 * it is not split at commas. A value in double quotes is always a string.
 * @returns undefined when it has no key
 */
export function parseSetting(text: string): Setting | undefined {
  const cut = text.search(/(?<!\\)=/);
  const path = cut < 0 ? undefined : parseValuePath(text.slice(0, cut));
  return path === undefined ? undefined : { path, value: scalar(text.slice(cut + 1)) };
}

function scalar(text: string): unknown {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null') return null;
  if (/^".*"$/s.test(text)) return text.slice(1, -1);
  // As helm: a leading zero makes it a string, so that codes and dates stay what they are.
  if (/^-?(0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  return text;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
