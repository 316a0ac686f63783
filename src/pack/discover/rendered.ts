import { parseYamlDocuments, type YamlLimits } from '../../yaml.js';
import type { RenderedObject } from './types.js';

/** CRDs come along with --include-crds and are large and deep. */
const LIMITS: YamlLimits = { size: 16 * 1024 * 1024, depth: 200, aliases: 50 };
const SOURCE = /^# Source: (\S+)/m;

/**
 * Splits what `helm template` printed into objects, each with the template that it came from; lists are opened.
 * A document without a source comment belongs to the template before it.
 * @throws AirgapError YAML_INVALID
 */
export function parseRendered(text: string, chart: string): RenderedObject[] {
  let file = chart;
  return text.split(/^---(?=\s|$)/m).flatMap((part) => {
    file = SOURCE.exec(part)?.[1] ?? file;
    if (/^\s*kind: CustomResourceDefinition\s*$/m.test(part)) return [];
    return parseYamlDocuments(part, `${chart}: ${file}`, LIMITS).flatMap((value) => opened(value, file));
  });
}

function opened(value: unknown, file: string): RenderedObject[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  const object = value as Record<string, unknown>;
  const isList = typeof object.kind === 'string' && object.kind.endsWith('List');
  if (isList && Array.isArray(object.items)) return object.items.flatMap((item) => opened(item, file));
  return [{ file, object }];
}
