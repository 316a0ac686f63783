import type { KubeObject } from '../kube/types.js';
import { parseYamlDocuments, type YamlLimits } from '../yaml.js';

/** A manifest is what Helm rendered, by its own record or our copy of it: larger than what strangers may send. */
export const MANIFEST_LIMITS: YamlLimits = { size: 64 * 1024 * 1024, depth: 200, aliases: 1000 };

/** The objects of a manifest in Helm's own record, without hooks, as the chart rendered them. Pure. */
export function manifestObjects(manifest: string, release: string): KubeObject[] {
  return parseYamlDocuments(manifest, `manifest of ${release}`, MANIFEST_LIMITS).filter(isObject);
}

function isObject(value: unknown): value is KubeObject {
  const { kind, metadata } = (value ?? {}) as Partial<KubeObject>;
  return typeof kind === 'string' && typeof metadata?.name === 'string';
}
