import { stringify } from 'yaml';

/** Files of a chart by path, `Chart.yaml` and `templates/...` among them. */
export type ChartFiles = ReadonlyMap<string, string>;

/** Indents every line that is not empty. */
export function indent(text: string, spaces: number): string {
  return text.replace(/^(?=.)/gm, ' '.repeat(spaces));
}

/** Several manifests as one template file. */
export function documents(...parts: readonly string[]): string {
  return parts.map((part) => `---\n${part.trim()}\n`).join('');
}

/** A template that is rendered only when the expression holds. */
export function when(expression: string, template: string): string {
  return `{{- if ${expression} }}\n${template.trim()}\n{{- end }}\n`;
}

/** How a template reads a value: `.Values.a.b`, or `index` when a key is no identifier. */
export function chartValue(...path: readonly string[]): string {
  if (path.every((part) => /^[A-Za-z_]\w*$/.test(part))) return `$.Values.${path.join('.')}`;
  return `(index $.Values ${path.map((part) => JSON.stringify(part)).join(' ')})`;
}

/** A nested values object, made key by key. */
export type Values = { [key: string]: unknown };

/** Sets one key of the values, making the objects on the way. */
export function setValue(values: Values, path: readonly string[], value: unknown): void {
  const [key, ...rest] = path;
  if (key === undefined) throw new Error('a value needs a key');
  if (rest.length === 0) {
    values[key] = value;
    return;
  }
  if (typeof values[key] !== 'object' || values[key] === null) values[key] = {};
  setValue(values[key] as Values, rest, value);
}

/** Puts the second object's keys over the first one's. */
export function mergeValues(base: Values, over: Values): Values {
  const merged: Values = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isObject(below) && isObject(value) ? mergeValues(below, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** YAML with no folding, keys in the order given. */
export function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}
