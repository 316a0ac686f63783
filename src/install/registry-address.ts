import { AirgapError } from '../errors.js';
import { isRegistryHost, isRepository } from '../oci/reference.js';
import { parseValuePath, type Values, valueAt } from './values.js';

/** Where images go: HOST[:PORT][/PREFIX]. */
export interface RegistryAddress {
  /** HOST[:PORT] */
  readonly host: string;
  readonly prefix?: string;
  /** As it stands in image references and values. */
  readonly text: string;
}

const PLACEHOLDER = '{{registry}}';

/** @throws AirgapError USAGE */
export function parseRegistryAddress(text: string): RegistryAddress {
  const trimmed = text.replace(/\/+$/, '');
  const cut = trimmed.indexOf('/');
  const host = cut < 0 ? trimmed : trimmed.slice(0, cut);
  const prefix = cut < 0 ? undefined : trimmed.slice(cut + 1);
  const scheme = text.includes('://');
  if (scheme || !isRegistryHost(host) || (prefix !== undefined && !isRepository(prefix))) {
    throw new AirgapError('USAGE', `"${text}" is not the address of a registry`, {
      expected: 'HOST[:PORT][/PREFIX]',
      found: text,
      ...(scheme ? { hint: 'leave the scheme out; for a registry without TLS add --plain-http' } : {}),
    });
  }
  return { host, ...(prefix === undefined ? {} : { prefix }), text: trimmed };
}

/** A template of the manifest (`{{registry}}/grafana`) with the registry filled in. */
export function fillRegistry(template: string, registry: RegistryAddress): string {
  return template.replaceAll(PLACEHOLDER, registry.text);
}

/** The registry that a release's values name, found by the same templates read backwards; undefined when none agree. */
export function registryInValues(
  values: Values,
  imageValues: Readonly<Record<string, string>>,
): string | undefined {
  for (const [key, template] of Object.entries(imageValues)) {
    if (!template.startsWith(PLACEHOLDER)) continue;
    const found = valueAt(values, parseValuePath(key) ?? [key]);
    const rest = template.slice(PLACEHOLDER.length);
    if (typeof found !== 'string' || !found.endsWith(rest)) continue;
    const registry = found.slice(0, found.length - rest.length);
    if (registry !== '') return registry;
  }
  return undefined;
}
