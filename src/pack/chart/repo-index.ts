import { AirgapError } from '../../errors.js';
import { parseYaml, type YamlLimits } from '../../yaml.js';
import { asList, asRecord } from '../loose.js';
import { suggest } from '../spec/suggest.js';

/** Where a chart repository keeps one version of a chart. */
export interface IndexedChart {
  /** Absolute. */
  readonly url: string;
  /** 64 hex digits, when the index gives a digest. */
  readonly sha256?: string;
}

/** Old repositories list thousands of versions. */
export const INDEX_LIMITS: YamlLimits = { size: 64 * 1024 * 1024, depth: 64, aliases: 50 };

export interface ChartQuery {
  readonly name: string;
  readonly version: string;
  /** The repository's address; relative URLs are below it. */
  readonly repository: string;
}

/**
 * Finds one version of a chart in the text of a repository's index.yaml.
 * @throws AirgapError CHART_NOT_FOUND with what is there instead, YAML_INVALID
 */
export function findInIndex(text: string, query: ChartQuery): IndexedChart {
  const where = `${query.repository.replace(/\/$/, '')}/index.yaml`;
  const entries = asRecord(asRecord(parseYaml(text, where, INDEX_LIMITS)).entries);
  if (!Object.hasOwn(entries, query.name)) {
    const near = suggest(query.name, Object.keys(entries));
    throw new AirgapError('CHART_NOT_FOUND', `${query.repository} has no chart ${query.name}`, {
      found: near ? `${near} is there` : `${Object.keys(entries).length} other charts`,
    });
  }
  const versions = asList(entries[query.name]).map(asRecord);
  const entry = versions.find(({ version }) => same(version, query.version));
  const address = asList(entry?.urls).find((url) => typeof url === 'string');
  if (!entry || typeof address !== 'string') {
    const known = versions.map(({ version }) => String(version));
    throw new AirgapError('CHART_NOT_FOUND', `${query.repository} has no ${query.name} ${query.version}`, {
      found: `${known.slice(0, 5).join(', ')}${known.length > 5 ? ` and ${known.length - 5} more` : ''}`,
    });
  }
  const base = query.repository.endsWith('/') ? query.repository : `${query.repository}/`;
  const digest = typeof entry.digest === 'string' ? entry.digest.replace(/^sha256:/, '').toLowerCase() : '';
  return {
    url: absolute(address, base),
    ...(/^[0-9a-f]{64}$/.test(digest) ? { sha256: digest } : {}),
  };
}

function absolute(address: string, base: string): string {
  try {
    const url = new URL(address, base);
    if (url.protocol === 'https:' || url.protocol === 'http:') return url.href;
  } catch {
    // refused below, like an address of another scheme
  }
  throw new AirgapError('CHART_NOT_FOUND', `the index of ${base} points at an address that is none`, {
    expected: 'http:// or https://, or a path below the repository',
    found: address.slice(0, 200),
  });
}

/** Helm takes 1.2.3 and v1.2.3 as one version. */
function same(one: unknown, other: string): boolean {
  return typeof one === 'string' && one.replace(/^v/, '') === other.replace(/^v/, '');
}
