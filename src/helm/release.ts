import { gunzipSync, gzipSync } from 'node:zlib';

/** Release states of helm 3 and 4. */
export type ReleaseStatus =
  | 'deployed'
  | 'superseded'
  | 'failed'
  | 'uninstalled'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback'
  | 'unknown';

/** One revision of a release, decoded from its Secret. Values and manifest may hold secrets. */
export interface Release {
  readonly name: string;
  readonly namespace: string;
  readonly revision: number;
  readonly status: ReleaseStatus;
  readonly description: string;
  readonly firstDeployed: string;
  readonly lastDeployed: string;
  readonly chart: { readonly name: string; readonly version: string; readonly appVersion: string };
  /** The values that the operator gave. */
  readonly values: Readonly<Record<string, unknown>>;
  /** The chart's own values.yaml. */
  readonly defaults: Readonly<Record<string, unknown>>;
  readonly manifest: string;
  /** Labels of the Secret that are not helm's own. */
  readonly labels: Readonly<Record<string, string>>;
}

/** A Secret of type helm.sh/release.v1, as the API server gives it. */
export interface ReleaseSecret {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly data?: Readonly<Record<string, string>>;
}

/** A revision, or why its Secret cannot be read. */
export type DecodedRelease =
  | Release
  | { readonly name: string; readonly revision: number; readonly undecodable: string };

export const RELEASE_SECRET_TYPE = 'helm.sh/release.v1';
/** Label selector of all revisions of a release. */
export const releaseSelector = (release: string): string => `owner=helm,name=${release}`;

/** What a Secret may grow to when unpacked; helm's own cap is 100 MiB a chart. */
const MOST_BYTES = 128 * 1024 * 1024;
const HELM_LABELS = new Set(['name', 'owner', 'status', 'version', 'createdAt', 'modifiedAt']);
const STATES: ReadonlySet<string> = new Set<ReleaseStatus>([
  'deployed',
  'superseded',
  'failed',
  'uninstalled',
  'uninstalling',
  'pending-install',
  'pending-upgrade',
  'pending-rollback',
]);

/** Decodes a release Secret (base64 of the API, base64 of helm, gzip, JSON). Never throws. */
export function decodeRelease(secret: ReleaseSecret): DecodedRelease {
  const { labels = {}, name } = secret.metadata;
  const fail = (undecodable: string): DecodedRelease => ({
    name: labels['name'] ?? name,
    revision: Number(labels['version'] ?? /\.v(\d+)$/.exec(name)?.[1] ?? 0),
    undecodable,
  });
  const data = secret.data?.['release'];
  if (data === undefined) return fail('it has no key "release"');
  try {
    const inner = Buffer.from(Buffer.from(data, 'base64').toString('utf8'), 'base64');
    const text =
      inner[0] === 0x1f && inner[1] === 0x8b ? gunzipSync(inner, { maxOutputLength: MOST_BYTES }) : inner;
    return toRelease(JSON.parse(text.toString('utf8')) as RawRelease, labels) ?? fail('it is no release');
  } catch (error) {
    return fail(error instanceof Error ? error.message : 'it cannot be unpacked');
  }
}

export function isDecoded(release: DecodedRelease): release is Release {
  return !('undecodable' in release);
}

interface RawRelease {
  readonly name?: string;
  readonly namespace?: string;
  readonly version?: number;
  readonly manifest?: string;
  readonly config?: Record<string, unknown> | null;
  readonly info?: {
    readonly status?: string;
    readonly description?: string;
    readonly first_deployed?: string;
    readonly last_deployed?: string;
  };
  readonly chart?: {
    readonly metadata?: { readonly name?: string; readonly version?: string; readonly appVersion?: string };
    readonly values?: Record<string, unknown> | null;
  };
}

function toRelease(raw: RawRelease, labels: Readonly<Record<string, string>>): Release | undefined {
  const { name, version, info, chart } = raw;
  if (name === undefined || version === undefined || chart?.metadata?.name === undefined) return undefined;
  const status = info?.status ?? 'unknown';
  return {
    name,
    namespace: raw.namespace ?? '',
    revision: version,
    status: STATES.has(status) ? (status as ReleaseStatus) : 'unknown',
    description: info?.description ?? '',
    firstDeployed: info?.first_deployed ?? '',
    lastDeployed: info?.last_deployed ?? '',
    chart: {
      name: chart.metadata.name,
      version: chart.metadata.version ?? '',
      appVersion: chart.metadata.appVersion ?? '',
    },
    values: raw.config ?? {},
    defaults: chart.values ?? {},
    manifest: raw.manifest ?? '',
    labels: Object.fromEntries(Object.entries(labels).filter(([key]) => !HELM_LABELS.has(key))),
  };
}

/**
 * The Secret of a pending revision with the state `failed`, all else as it was, so that helm goes on from it.
 * @throws Error when the Secret cannot be unpacked; decodeRelease tells first
 */
export function markFailed<T extends ReleaseSecret>(secret: T, description: string): T {
  const marked = rewrite(secret, (raw) => ({ ...raw, info: { ...raw.info, status: 'failed', description } }));
  const { metadata } = secret;
  return { ...marked, metadata: { ...metadata, labels: { ...metadata.labels, status: 'failed' } } };
}

/**
 * The Secret of a revision whose manifest has further objects at its end, so that helm knows them as the release's.
 * @throws Error when the Secret cannot be unpacked; decodeRelease tells first
 */
export function withObjects<T extends ReleaseSecret>(secret: T, objects: readonly unknown[]): T {
  const documents = objects.map((object) => `---\n# Source: kept by an upgrade\n${JSON.stringify(object)}\n`);
  return rewrite(secret, (raw) => ({
    ...raw,
    manifest: `${(raw.manifest ?? '').trimEnd()}\n${documents.join('')}`,
  }));
}

/**
 * The Secret of a revision with another manifest: what helm goes by when it uninstalls.
 * @throws Error when the Secret cannot be unpacked; decodeRelease tells first
 */
export function withManifest<T extends ReleaseSecret>(secret: T, change: (manifest: string) => string): T {
  return rewrite(secret, (raw) => ({ ...raw, manifest: change(raw.manifest ?? '') }));
}

function rewrite<T extends ReleaseSecret>(secret: T, change: (raw: RawRelease) => RawRelease): T {
  const data = secret.data?.['release'] ?? '';
  const inner = Buffer.from(Buffer.from(data, 'base64').toString('utf8'), 'base64');
  const raw = JSON.parse(gunzipSync(inner, { maxOutputLength: MOST_BYTES }).toString('utf8')) as RawRelease;
  const packed = gzipSync(JSON.stringify(change(raw))).toString('base64');
  return { ...secret, data: { ...secret.data, release: Buffer.from(packed).toString('base64') } };
}
