import { gunzipSync, gzipSync } from 'node:zlib';
import type { FaultSite } from './fault-site.js';

/** A Secret in which helm keeps a revision. */
export interface RecordSecret {
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels: Record<string, string>;
    [key: string]: unknown;
  };
  readonly data: { readonly release: string };
  readonly [key: string]: unknown;
}

interface Raw {
  version: number;
  info: { status: string; description?: string; last_deployed?: string; [key: string]: unknown };
  [key: string]: unknown;
}

/** helm's own records of a release, oldest first. */
export function readRecords(
  site: Pick<FaultSite, 'node'>,
  release: string,
  namespace: string,
): RecordSecret[] {
  const args = ['get', 'secrets', '-n', namespace, '-l', `owner=helm,name=${release}`, '-o', 'json'];
  const { items } = JSON.parse(site.node.kubectl(...args)) as { items: RecordSecret[] };
  return items.sort((a, b) => Number(a.metadata.labels['version']) - Number(b.metadata.labels['version']));
}

/** Base64 of the API around base64 of helm around gzip of JSON. */
export function decodeRecord({ data }: RecordSecret): Raw {
  const inner = Buffer.from(Buffer.from(data.release, 'base64').toString('utf8'), 'base64');
  return JSON.parse(gunzipSync(inner).toString('utf8')) as Raw;
}

export function encodeRecord(raw: Raw): string {
  const inner = gzipSync(JSON.stringify(raw)).toString('base64');
  return Buffer.from(inner).toString('base64');
}

/** The record as helm would have written it with another state; `labels` are added to helm's own. */
export function withStatus(
  record: RecordSecret,
  status: string,
  labels: Readonly<Record<string, string>> = {},
): RecordSecret {
  const raw = decodeRecord(record);
  const { name, namespace } = record.metadata;
  return {
    ...record,
    metadata: { name, namespace, labels: { ...record.metadata.labels, ...labels, status } },
    data: { release: encodeRecord({ ...raw, info: { ...raw.info, status } }) },
  };
}

/** The record as of a helm that began it at this time, in milliseconds since the epoch. */
export function begunAt(record: RecordSecret, time: number): RecordSecret {
  const raw = decodeRecord(record);
  const info = { ...raw.info, last_deployed: new Date(time).toISOString() };
  return { ...record, data: { release: encodeRecord({ ...raw, info }) } };
}

/** The record under the next revision. */
export function asRevision(record: RecordSecret, revision: number): RecordSecret {
  const raw = decodeRecord(record);
  const { name, namespace, labels } = record.metadata;
  return {
    ...record,
    metadata: {
      name: name.replace(/\.v\d+$/, `.v${revision}`),
      namespace,
      labels: { ...labels, version: String(revision) },
    },
    data: { release: encodeRecord({ ...raw, version: revision }) },
  };
}

/** Replaces all records of a release by these. */
export function putRecords(
  site: Pick<FaultSite, 'node' | 'file'>,
  { release, namespace }: { readonly release: string; readonly namespace: string },
  records: readonly RecordSecret[],
): void {
  const selector = `owner=helm,name=${release}`;
  site.node.kubectl('delete', 'secrets', '-n', namespace, '-l', selector, '--wait=true');
  if (records.length === 0) return;
  const items = records.map(({ metadata, ...rest }) => {
    const { name, namespace: where, labels } = metadata;
    return { ...rest, metadata: { name, namespace: where, labels } };
  });
  const file = site.file('records.json', { apiVersion: 'v1', kind: 'List', items });
  site.node.kubectl('create', '-f', file);
}
