import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { AirgapError, systemCode } from '../../errors.js';
import type { RegistryClient } from '../../oci/client.js';
import { parseManifest } from '../../oci/parse.js';
import { tagOrDigestOf } from '../../oci/reference.js';
import { loginFor } from '../fetch/helm-login.js';
import { download, type HttpOptions, readBody } from '../fetch/http.js';
import type { ChartSource } from '../spec/types.js';
import { packChartFolder } from './folder.js';
import { findInIndex, INDEX_LIMITS } from './repo-index.js';
import { CHART_LIMITS } from './types.js';

/** Media type of the layer that holds the tgz (helm's HIP 6). */
const CHART_LAYER = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';

export interface ChartFetchOptions extends HttpOptions {
  readonly registry: (host: string) => RegistryClient;
}

export interface FetchedChart {
  readonly bytes: Buffer;
  /** For messages and the lock. */
  readonly origin: string;
}

/**
 * Brings a chart's tgz into memory, from a file, a folder, a chart repository or a registry.
 * @throws AirgapError CHART_NOT_FOUND, CHART_INVALID, BLOB_MISMATCH and what the sources throw
 */
export async function fetchChart(source: ChartSource, options: ChartFetchOptions): Promise<FetchedChart> {
  switch (source.kind) {
    case 'path':
      return { bytes: await fromPath(source), origin: source.given };
    case 'repo':
      return {
        bytes: await fromRepository(source, options),
        origin: `${source.url} ${source.name} ${source.version}`,
      };
    case 'oci':
      return { bytes: await fromRegistry(source, options), origin: `${source.given}:${source.version}` };
  }
}

async function fromPath({ path, given }: Extract<ChartSource, { kind: 'path' }>): Promise<Buffer> {
  try {
    const info = await stat(path);
    if (info.isDirectory()) return await packChartFolder(path, given, CHART_LIMITS.total);
    if (info.size > CHART_LIMITS.total) {
      throw new AirgapError('CHART_INVALID', `${given} is too large for a chart`, {
        expected: `at most ${CHART_LIMITS.total} bytes`,
        found: `${info.size} bytes`,
      });
    }
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof AirgapError) throw cause;
    throw new AirgapError('CHART_NOT_FOUND', `the chart ${given} cannot be read`, {
      found: systemCode(cause) ?? String(cause),
      cause,
    });
  }
}

async function fromRepository(
  source: Extract<ChartSource, { kind: 'repo' }>,
  options: ChartFetchOptions,
): Promise<Buffer> {
  const login = await loginFor(source.url, source.credentials, options.env);
  const get = (address: string, limit: number): Promise<Buffer> => {
    const what = 'the chart repository';
    const sameHost = new URL(address).origin === new URL(source.url).origin;
    return download(address, (body) => readBody(body, limit, `${what} ${address}`), {
      ...options,
      what,
      missing: 'CHART_NOT_FOUND',
      ...(login && sameHost ? { login } : {}),
    });
  };
  const index = await get(`${source.url.replace(/\/$/, '')}/index.yaml`, INDEX_LIMITS.size);
  const { url, sha256 } = findInIndex(index.toString('utf8'), {
    name: source.name,
    version: source.version,
    repository: source.url,
  });
  const bytes = await get(url, CHART_LIMITS.total);
  const found = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== undefined && found !== sha256) {
    throw new AirgapError('BLOB_MISMATCH', `${url} does not match the digest in index.yaml`, {
      expected: `sha256:${sha256}`,
      found: `sha256:${found}  (${bytes.length} bytes)`,
    });
  }
  return bytes;
}

async function fromRegistry(
  source: Extract<ChartSource, { kind: 'oci' }>,
  options: ChartFetchOptions,
): Promise<Buffer> {
  const { registry, repository } = source.reference;
  const read = options.signal ? { signal: options.signal } : {};
  const client = options.registry(registry);
  const tag = tagOrDigestOf({ registry, repository, tag: source.version.replaceAll('+', '_') });
  const { bytes, descriptor } = await client.manifest(repository, tag, read);
  const manifest = parseManifest(bytes, descriptor.mediaType, `${source.given}:${tag}`);
  const layer =
    manifest.kind === 'image'
      ? manifest.layers.find(({ mediaType }) => mediaType === CHART_LAYER)
      : undefined;
  if (!layer) {
    throw new AirgapError('CHART_INVALID', `${source.given}:${tag} is not a chart`, {
      expected: `a layer ${CHART_LAYER}`,
    });
  }
  if (layer.size > CHART_LIMITS.total) {
    throw new AirgapError('CHART_INVALID', `${source.given}:${tag} is too large for a chart`, {
      expected: `at most ${CHART_LIMITS.total} bytes`,
      found: `${layer.size} bytes`,
    });
  }
  return readBody(await client.blob(repository, layer, read), layer.size, source.given);
}
