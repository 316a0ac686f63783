import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isTag } from '../oci/reference.js';
import { printable } from '../redact.js';
import { type ContentDigest, parseContentDigest } from './content-digest.js';
import { type Handler, sendEmpty } from './exchange.js';
import { LARGEST_MANIFEST, type ManifestContent, readManifestContent } from './manifest-content.js';
import { readKey } from './pull.js';
import { writableOf } from './push-blob.js';
import { refuse } from './refusal.js';
import type { WritableStore } from './types.js';

export const putManifest: Handler = async (exchange, name, last) => {
  const { request, response, query } = exchange;
  const store = writableOf(exchange);
  const key = readKey(last);
  if (!key) throw badReference(last);
  const bytes = await readBody(request);
  const content = readManifestContent(bytes, request.headers['content-type']);
  const digest = digestOf(bytes, 'digest' in key ? key.digest : undefined);
  await checkReferences(store, name, content);
  const tags = 'tag' in key ? [key.tag] : query.getAll('tag').map(checkTag);
  await store.putManifest(name, { digest, bytes, content, tags });
  sendEmpty(response, 201, {
    Location: `/v2/${name}/manifests/${digest.text}`,
    'Docker-Content-Digest': digest.text,
    ...(content.subject ? { 'OCI-Subject': content.subject.text } : {}),
    ...('digest' in key && tags.length > 0 ? { 'OCI-Tag': tags.join(', ') } : {}),
  });
};

export const deleteManifest: Handler = async (exchange, name, last) => {
  const store = writableOf(exchange);
  const key = readKey(last);
  if (!key) throw badReference(last);
  const wasThere = await ('tag' in key
    ? store.deleteTag(name, key.tag)
    : store.deleteManifest(name, key.digest));
  if (!wasThere)
    throw refuse('MANIFEST_UNKNOWN', 'the repository has no such manifest', { detail: { name } });
  sendEmpty(exchange.response, 202);
};

/** A manifest may not be there before what it names is; all that is missing is told at once. */
async function checkReferences(store: WritableStore, name: string, content: ManifestContent): Promise<void> {
  const blobs = content.blobs.map(async (digest) => ((await store.blob(name, digest)) ? [] : [digest]));
  const manifests = content.manifests.map(async (digest) =>
    (await store.manifest(name, { digest })) ? [] : [digest],
  );
  const missing = (await Promise.all([...blobs, ...manifests])).flat();
  if (missing.length === 0) return;
  throw refuse('MANIFEST_BLOB_UNKNOWN', 'the manifest names content that the repository does not have', {
    all: [...new Set(missing.map((digest) => digest.text))].slice(0, 100).map((digest) => ({ digest })),
  });
}

/** @throws Refusal MANIFEST_INVALID (413) beyond the size limit */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    size += (chunk as Buffer).length;
    if (size > LARGEST_MANIFEST) {
      throw refuse('MANIFEST_INVALID', `a manifest has at most ${LARGEST_MANIFEST} bytes`, { status: 413 });
    }
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function digestOf(bytes: Buffer, expected: ContentDigest | undefined): ContentDigest {
  const algorithm = expected?.algorithm ?? 'sha256';
  const digest = parseContentDigest(`${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`);
  if (expected && expected.hex !== digest.hex) {
    const detail = { expected: expected.text, found: digest.text };
    throw refuse('DIGEST_INVALID', 'the manifest does not have this digest', { detail });
  }
  return digest;
}

function checkTag(text: string): string {
  if (isTag(text)) return text;
  throw badReference(text);
}

function badReference(text: string): Error {
  return refuse('MANIFEST_INVALID', 'neither a tag nor a digest', {
    detail: { reference: printable(text, 200) },
  });
}
