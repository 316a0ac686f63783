import { createHash } from 'node:crypto';
import { AirgapError } from '../../errors.js';
import { printable } from '../../redact.js';
import { parseYaml } from '../../yaml.js';
import { type ArchivedFile, type Budget, readArchive } from './archive.js';
import { CHART_LIMITS, type Chart, type ChartLimits } from './types.js';

/** Helm's rule for chart names, without "." and ".." (CVE-2026-35206). */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
const VERSION = /^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;

/**
 * Scans a chart archive before anything else touches it, and reads its name and version from Chart.yaml: file
 * names say different things in different eras (domain.md, section 1).
 * @param what where it comes from, for messages
 * @throws AirgapError CHART_INVALID, YAML_INVALID
 */
export async function scanChart(
  bytes: Buffer,
  what: string,
  limits: ChartLimits = CHART_LIMITS,
): Promise<Chart> {
  const budget = { bytes: limits.total, files: limits.files };
  const files = await readArchive(bytes, what, limits, budget);
  const folder = topFolder(files, what);
  const metadata = readMetadata(files, folder, what);
  await scanNested(files, what, { limits, budget, depth: 1 });
  return {
    ...metadata,
    bytes,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    values: valuesOf(files, folder, what),
  };
}

interface Metadata {
  readonly name: string;
  readonly version: string;
  readonly appVersion?: string;
}

function topFolder(files: readonly ArchivedFile[], what: string): string {
  const folders = [...new Set(files.map((file) => file.path.split('/')[0] ?? ''))];
  if (folders.length === 1 && folders[0]) return folders[0];
  throw new AirgapError('CHART_INVALID', `${what} is not one chart`, {
    expected: 'one folder at the top of the archive',
    found: folders.length === 0 ? 'no files' : printable(folders.slice(0, 5).join(', '), 200),
  });
}

function readMetadata(files: readonly ArchivedFile[], folder: string, what: string): Metadata {
  const file = files.find(({ path }) => path === `${folder}/Chart.yaml`);
  if (!file) throw new AirgapError('CHART_INVALID', `${what} has no Chart.yaml`);
  const document = parseYaml(file.bytes.toString('utf8'), `${what}: Chart.yaml`);
  const { name, version, appVersion } = (document ?? {}) as Record<string, unknown>;
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new AirgapError('CHART_INVALID', `${what} has a bad name in Chart.yaml`, {
      expected: 'letters, digits, dots and dashes',
      found: printable(String(name), 100),
    });
  }
  if (typeof version !== 'string' || !VERSION.test(version)) {
    throw new AirgapError('CHART_INVALID', `${what} has a bad version in Chart.yaml`, {
      expected: 'a semantic version',
      found: printable(String(version), 100),
    });
  }
  const app = printable(String(appVersion ?? ''), 100);
  return { name, version, ...(app === '' ? {} : { appVersion: app }) };
}

interface Nesting {
  readonly limits: ChartLimits;
  readonly budget: Budget;
  readonly depth: number;
}

/** Subcharts may be archives themselves; helm opens them, so they are scanned with what the budget has left. */
async function scanNested(files: readonly ArchivedFile[], what: string, nesting: Nesting): Promise<void> {
  for (const file of files.filter(isNestedArchive)) {
    const name = `${what}: ${file.path}`;
    if (nesting.depth > nesting.limits.depth) {
      throw new AirgapError('CHART_INVALID', `${name} is nested too deeply`, {
        expected: `at most ${nesting.limits.depth} archives in one another`,
      });
    }
    const inner = await readArchive(file.bytes, name, nesting.limits, nesting.budget);
    await scanNested(inner, name, { ...nesting, depth: nesting.depth + 1 });
  }
}

function isNestedArchive(file: ArchivedFile): boolean {
  return /\/charts\/[^/]+\.(tgz|tar\.gz)$/.test(file.path);
}

/** Defaults of the chart and of subcharts that lie unpacked below charts/. */
function valuesOf(files: readonly ArchivedFile[], folder: string, what: string): Chart['values'] {
  return files.flatMap((file) => {
    const parts = file.path.slice(folder.length + 1).split('/');
    if (parts.pop() !== 'values.yaml') return [];
    if (!parts.every((part, index) => index % 2 === 1 || part === 'charts') || parts.length % 2 === 1)
      return [];
    const prefix = parts.filter((_part, index) => index % 2 === 1);
    return [{ prefix, value: parseYaml(file.bytes.toString('utf8'), `${what}: ${file.path}`) }];
  });
}
