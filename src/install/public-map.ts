import type { KubeObject } from '../kube/types.js';
import { PUBLIC_MAP } from '../runai/names.js';
import { parseYaml } from '../yaml.js';
import { isMap, valueAt } from './values.js';

/** What the cluster part says that it lacks. */
export interface MissingDependency {
  readonly name: string;
  /** Its own words; undefined when it gives none. */
  readonly reason?: string;
}

/**
 * The dependencies that runai-public lists as not available: names in a list, or maps that say `available: false`, at
 * whatever depth. A text of another form says nothing about health. Pure.
 */
export function missingDependencies(map: KubeObject | undefined): MissingDependency[] {
  const text = valueAt(map, ['data', PUBLIC_MAP.key]);
  if (typeof text !== 'string') return [];
  try {
    return missingIn('', parseYaml(text, PUBLIC_MAP.name));
  } catch {
    return [];
  }
}

function missingIn(name: string, node: unknown): MissingDependency[] {
  if (Array.isArray(node))
    return node.flatMap((item) => (typeof item === 'string' ? [{ name: item }] : missingIn(name, item)));
  if (!isMap(node)) return [];
  const text = (key: string): string | undefined => {
    const value = node[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const own = text('name') ?? name;
  const inner = Object.entries(node).flatMap(([key, child]) =>
    missingIn(key === 'components' ? own : key, child),
  );
  if (inner.length > 0 || node['available'] !== false) return inner;
  const reason = text('reason') ?? text('message');
  return [{ name: own, ...(reason === undefined ? {} : { reason }) }];
}
