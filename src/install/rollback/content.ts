import type { Release } from '../../helm/release.js';
import type { KubeObject } from '../../kube/types.js';
import { digestOf } from '../../run/canonical.js';
import { parseYamlDocuments, type YamlLimits } from '../../yaml.js';

/** A manifest is what Helm rendered: larger than what strangers may send. */
const LIMITS: YamlLimits = { size: 64 * 1024 * 1024, depth: 200, aliases: 1000 };

/** What a revision consists of, whatever its number: chart, values and manifest. 64 hex digits. */
export function contentSha({ chart, values, manifest }: Release): string {
  return digestOf({ name: chart.name, version: chart.version, values, manifest });
}

/** The objects of a revision, without hooks, as its chart rendered them. */
export function objectsOf({ name, manifest }: Release): KubeObject[] {
  return parseYamlDocuments(manifest, `manifest of ${name}`, LIMITS).filter(isObject);
}

/** `runai-backend-2.9.25` */
export function chartText({ chart }: Release): string {
  return `${chart.name}-${chart.version}`;
}

function isObject(value: unknown): value is KubeObject {
  const { kind, metadata } = (value ?? {}) as Partial<KubeObject>;
  return typeof kind === 'string' && typeof metadata?.name === 'string';
}
