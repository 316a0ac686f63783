import { pipeline } from 'node:stream/promises';
import { isTag } from '../oci/reference.js';
import { FREE_BYTES_HEADER, MEDIA } from '../oci/types.js';
import { type ContentDigest, parseContentDigest, readContentDigest } from './content-digest.js';
import { type Exchange, type Handler, sendBytes, sendEmpty, sendJson } from './exchange.js';
import { linkHeaders, pageOf } from './paging.js';
import { parseRange } from './range.js';
import { refuse } from './refusal.js';
import type { ManifestKey, StoredBlob } from './types.js';

/** With what a client that is about to push likes to know, where something can be pushed. */
export const answerBase: Handler = async ({ response, writable }) => {
  const free = await writable?.freeBytes();
  sendJson(response, {}, free === undefined ? {} : { [FREE_BYTES_HEADER]: free });
};

export const getManifest: Handler = async ({ request, response, query, store }, name, last) => {
  const repository = store.locate(name, query.get('ns') ?? undefined);
  const key = readKey(last);
  const manifest = key && (await store.manifest(repository, key));
  if (!manifest)
    throw refuse('MANIFEST_UNKNOWN', 'the repository has no such manifest', { detail: { name } });
  const headers = {
    'Content-Type': manifest.mediaType,
    'Docker-Content-Digest': manifest.digest.text,
    ETag: `"${manifest.digest.text}"`,
  };
  if (isUnchanged(request.headers['if-none-match'], manifest.digest)) sendEmpty(response, 304, headers);
  else sendBytes(response, manifest.bytes, headers);
};

export const getBlob: Handler = async (exchange, name, last) => {
  const { request, response, query, store } = exchange;
  const digest = parseContentDigest(last);
  const blob = await store.blob(store.locate(name, query.get('ns') ?? undefined), digest);
  if (!blob)
    throw refuse('BLOB_UNKNOWN', 'the repository has no such blob', { detail: { digest: digest.text } });
  const headers = {
    'Content-Type': 'application/octet-stream',
    'Docker-Content-Digest': digest.text,
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'max-age=31536000',
    ETag: `"${digest.text}"`,
  };
  if (isUnchanged(request.headers['if-none-match'], digest)) sendEmpty(response, 304, headers);
  else await sendBlob(exchange, blob, headers);
};

export const listTags: Handler = async ({ response, query, store }, name) => {
  const tags = await store.tags(store.locate(name, query.get('ns') ?? undefined));
  if (!tags) throw refuse('NAME_UNKNOWN', 'there is no such repository', { detail: { name } });
  const page = pageOf(tags, query);
  sendJson(response, { name, tags: page.items }, linkHeaders(`/v2/${name}/tags/list`, page));
};

export const listCatalog: Handler = async ({ response, query, store }) => {
  const page = pageOf(await store.repositories(), query);
  sendJson(response, { repositories: page.items }, linkHeaders('/v2/_catalog', page));
};

export const listReferrers: Handler = async ({ response, query, store }, name, last) => {
  const all = await store.referrers(
    store.locate(name, query.get('ns') ?? undefined),
    parseContentDigest(last),
  );
  const type = query.get('artifactType');
  const manifests = type === null ? all : all.filter((entry) => entry.artifactType === type);
  const applied = type === null ? {} : { 'OCI-Filters-Applied': 'artifactType' };
  const index = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests };
  sendJson(response, index, { 'Content-Type': MEDIA.ociIndex, ...applied });
};

/** A tag or a digest; undefined when it is neither, which no repository has. */
export function readKey(text: string): ManifestKey | undefined {
  const digest = readContentDigest(text);
  if (digest) return { digest };
  return isTag(text) ? { tag: text } : undefined;
}

async function sendBlob(
  { request, response }: Exchange,
  blob: StoredBlob,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const range = parseRange(request.headers.range, blob.size);
  if (range === 'unsatisfiable') {
    throw refuse('SIZE_INVALID', 'the range begins beyond the blob', {
      status: 416,
      headers: { 'Content-Range': `bytes */${blob.size}` },
    });
  }
  const part = range === 'whole' ? undefined : range;
  const length = part ? part.end - part.start + 1 : blob.size;
  const content = request.method === 'HEAD' || length === 0 ? undefined : await blob.open(part);
  response.writeHead(part ? 206 : 200, {
    ...headers,
    'Content-Length': length,
    ...(part ? { 'Content-Range': `bytes ${part.start}-${part.end}/${blob.size}` } : {}),
  });
  if (content) await pipeline(content, response);
  else response.end();
}

function isUnchanged(header: string | undefined, digest: ContentDigest): boolean {
  return (header ?? '').split(',').some((tag) => tag.trim().replace(/^W\//, '') === `"${digest.text}"`);
}
