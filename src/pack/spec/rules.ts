import { isAirgapError } from '../../errors.js';
import { formatReference, isRepository, isTag, parseReference } from '../../oci/reference.js';
import { asList, asRecord, type Loose } from '../loose.js';
import { parseOrigin } from './origin.js';
import type { Path } from './positions.js';

/** A fault at a place of the spec; `at` says whether the key or the value is pointed at. */
export interface SpecFault {
  readonly path: Path;
  readonly at: 'key' | 'value';
  readonly what: string;
  readonly expected?: string;
  readonly found?: string;
}

/**
 * The rules that span fields or need a grammar of their own. Takes any value, so that they speak up next to
 * faults of shape and everything is reported in one go.
 */
export function checkRules(spec: unknown): SpecFault[] {
  const root = asRecord(spec);
  const images = asRecord(root.images);
  return [
    ...asList(root.charts).flatMap((chart, index) => chartFaults(asRecord(chart), ['charts', index])),
    ...repeatedReleases(asList(root.charts)),
    ...asList(root.crds).flatMap((crd, index) =>
      sourceFaults(asRecord(crd), ['crds', index], ['path', 'url']),
    ),
    ...asList(images.include).flatMap((image, index) =>
      includeFaults(asRecord(image), ['images', 'include', index]),
    ),
    ...repeatedIncludes(asList(images.include)),
    ...asList(root.tools).flatMap((tool, index) => toolFaults(asRecord(tool), ['tools', index])),
    ...repeated(
      asList(root.tools),
      ['tools'],
      (tool) => joined(tool.name, tool.platform),
      'tool and platform',
    ),
    ...repeated(asList(root.platforms), ['platforms'], (_tool, value) => value, 'platform'),
    ...relocationFaults(root.relocate),
  ];
}

function chartFaults(chart: Loose, path: Path): SpecFault[] {
  const faults = sourceFaults(chart, path, ['path', 'repo', 'oci']);
  const needs = chart.repo !== undefined ? ['name', 'version'] : chart.oci !== undefined ? ['version'] : [];
  const source = chart.repo !== undefined ? 'repo' : 'oci';
  for (const key of needs) {
    if (chart[key] === undefined) {
      faults.push({
        path: [...path, source],
        at: 'key',
        what: `${source} needs ${key} beside it`,
        expected: key,
      });
    }
  }
  if (typeof chart.oci === 'string') {
    faults.push(...referenceFaults(chart.oci.slice('oci://'.length), [...path, 'oci']));
  }
  if (chart.credentials !== undefined && chart.repo === undefined) {
    faults.push({
      path: [...path, 'credentials'],
      at: 'key',
      what: 'credentials belong to repo; registries take theirs from docker login',
    });
  }
  return faults;
}

/** Exactly one of the keys that say where something comes from. */
function sourceFaults(entry: Loose, path: Path, keys: readonly string[]): SpecFault[] {
  const given = keys.filter((key) => entry[key] !== undefined);
  const expected = `exactly one of ${keys.join(', ')}`;
  if (given.length === 1) return [];
  if (given.length === 0) return [{ path, at: 'value', what: 'nothing says where it comes from', expected }];
  return given
    .slice(1)
    .map((key) => ({ path: [...path, key], at: 'key', what: `${given[0]} is given already`, expected }));
}

function includeFaults(image: Loose, path: Path): SpecFault[] {
  const faults: SpecFault[] = [];
  if (image.ref === undefined && image.from === undefined) {
    faults.push({ path, at: 'value', what: 'nothing says which image', expected: 'ref, from, or both' });
  }
  if (image.ref === undefined && image.from !== undefined && image.target === undefined) {
    faults.push({
      path: [...path, 'from'],
      at: 'key',
      what: 'an image without ref needs a target',
      expected: 'ref: the name that the charts use, or target: repository:tag',
    });
  }
  if (typeof image.ref === 'string') faults.push(...referenceFaults(image.ref, [...path, 'ref']));
  if (typeof image.from === 'string') {
    faults.push(...grammarFaults(() => parseOrigin(String(image.from)), [...path, 'from']));
  }
  if (typeof image.target === 'string' && !isTarget(image.target)) {
    faults.push({
      path: [...path, 'target'],
      at: 'value',
      what: `${JSON.stringify(image.target)} is no name below a registry`,
      expected: 'repository:tag, without the registry',
    });
  }
  return faults;
}

function toolFaults(tool: Loose, path: Path): SpecFault[] {
  const faults = sourceFaults(tool, path, ['path', 'url']);
  if (tool.url !== undefined && tool.sha256 === undefined) {
    faults.push({
      path: [...path, 'url'],
      at: 'key',
      what: 'url needs sha256 beside it',
      expected: 'sha256',
    });
  }
  return faults;
}

function repeatedReleases(charts: readonly unknown[]): SpecFault[] {
  const name = (chart: Loose): string | undefined => joined(chart.namespace, chart.release);
  const once = (role: string): SpecFault[] => {
    const places = charts.flatMap((chart, index) => (asRecord(chart).role === role ? [index] : []));
    return places.slice(1).map((index) => ({
      path: ['charts', index, 'role'],
      at: 'value',
      what: `charts[${places[0]}] is the ${role} chart already`,
      expected: `one chart with the role ${role}`,
    }));
  };
  return [
    ...repeated(charts, ['charts'], name, 'namespace and release'),
    ...once('control-plane'),
    ...once('cluster'),
  ];
}

function repeatedIncludes(images: readonly unknown[]): SpecFault[] {
  const canonical = (image: Loose): string | undefined => {
    try {
      return typeof image.ref === 'string' ? formatReference(parseReference(image.ref)) : undefined;
    } catch {
      return undefined; // reported as a bad reference
    }
  };
  return repeated(images, ['images', 'include'], canonical, 'ref');
}

function repeated(
  entries: readonly unknown[],
  path: Path,
  keyOf: (entry: Loose, value: unknown) => unknown,
  what: string,
): SpecFault[] {
  const seen = new Map<unknown, number>();
  return entries.flatMap((entry, index): SpecFault[] => {
    const key = keyOf(asRecord(entry), entry);
    const first = seen.get(key);
    if (key === undefined || first === undefined) {
      seen.set(key, index);
      return [];
    }
    const found = String(key);
    return [
      { path: [...path, index], at: 'value', what: `has the ${what} of ${path.at(-1)}[${first}]`, found },
    ];
  });
}

function relocationFaults(relocate: unknown): SpecFault[] {
  const prefix = asRecord(relocate).prefix;
  if (typeof prefix !== 'string' || isRepository(prefix)) return [];
  return [
    {
      path: ['relocate', 'prefix'],
      at: 'value',
      what: `${JSON.stringify(prefix)} is no repository name`,
      expected: 'lower case, components separated by /',
    },
  ];
}

function referenceFaults(text: string, path: Path): SpecFault[] {
  return grammarFaults(() => parseReference(text), path);
}

/** What a parser throws, as a fault at its place. */
function grammarFaults(parse: () => unknown, path: Path): SpecFault[] {
  try {
    parse();
    return [];
  } catch (error) {
    if (!isAirgapError(error)) throw error;
    const { message, expected, found } = error;
    return [
      { path, at: 'value', what: message, ...(expected ? { expected } : {}), ...(found ? { found } : {}) },
    ];
  }
}

function isTarget(text: string): boolean {
  const colon = text.lastIndexOf(':');
  return colon > 0 && isRepository(text.slice(0, colon)) && isTag(text.slice(colon + 1));
}

function joined(...parts: unknown[]): string | undefined {
  return parts.every((part) => typeof part === 'string') ? parts.join('/') : undefined;
}
