import { AirgapError } from '../errors.js';
import { printable } from '../redact.js';
import { readCapped } from './answer.js';
import type { Api, ApiRequest } from './api.js';
import { digestOf, isDigest } from './digest.js';
import { isManifestType, MANIFEST_LIMIT, parseManifest } from './parse.js';
import { type Digest, type ManifestBytes, MEDIA, type ReadOptions } from './types.js';

const ACCEPT = [
  MEDIA.ociIndex,
  MEDIA.dockerList,
  MEDIA.ociManifest,
  MEDIA.dockerManifest,
  // Asked for last, so that it is named in the refusal rather than converted behind our back.
  MEDIA.dockerSchema1,
].join(', ');

/** Where a manifest is, for requests and for messages. */
export interface ManifestPlace {
  /** With the prefix. */
  readonly repository: string;
  readonly tagOrDigest: string;
}

/**
 * Gets a manifest and checks its bytes against the digest asked for and the one in the answer.
 * @throws AirgapError REGISTRY_NOT_FOUND, BLOB_MISMATCH, IMAGE_INVALID, IMAGE_UNSUPPORTED and those of the registry
 */
export async function getManifest(
  api: Api,
  place: ManifestPlace,
  options: ReadOptions,
): Promise<ManifestBytes> {
  const name = nameOf(api, place);
  const answer = await api.call(requestFor(api, 'GET', place, options), [200]);
  const bytes = await readCapped(answer.body, MANIFEST_LIMIT + 1);
  const contentType = typeOf(answer.headers['content-type']);
  const parsed = parseManifest(
    bytes,
    isManifestKind(contentType) ? contentType : undefined,
    `the manifest of ${name}`,
  );
  const digest = digestOf(bytes);
  const said = header(answer.headers['docker-content-digest']);
  const wanted = isDigest(place.tagOrDigest) ? place.tagOrDigest : isDigest(said) ? said : digest;
  if (wanted !== digest) {
    throw new AirgapError('BLOB_MISMATCH', `the manifest of ${name} does not match its digest`, {
      expected: wanted,
      found: `${digest}  (${bytes.length} bytes)`,
    });
  }
  return { descriptor: { mediaType: parsed.mediaType, digest, size: bytes.length }, bytes };
}

/** The digest that a tag stands for, or undefined when it is not there. Falls back to GET without the header. */
export async function headManifest(
  api: Api,
  place: ManifestPlace,
  options: ReadOptions,
): Promise<Digest | undefined> {
  const answer = await api.call(requestFor(api, 'HEAD', place, options), [200, 404]);
  answer.body.resume();
  if (answer.status === 404) return undefined;
  const said = header(answer.headers['docker-content-digest']);
  if (isDigest(said)) return said;
  return (await getManifest(api, place, options)).descriptor.digest;
}

/** @throws AirgapError REGISTRY_CONTENT when the registry says it stored something else, and others */
export async function putManifest(
  api: Api,
  place: ManifestPlace,
  manifest: ManifestBytes,
  options: ReadOptions,
): Promise<void> {
  const request = requestFor(api, 'PUT', place, options);
  const answer = await api.call(
    { ...request, headers: { 'content-type': manifest.descriptor.mediaType }, body: manifest.bytes },
    [201, 200, 202],
  );
  answer.body.resume();
  const said = header(answer.headers['docker-content-digest']);
  if (said.startsWith('sha256:') && said !== manifest.descriptor.digest) {
    throw new AirgapError('REGISTRY_CONTENT', `${nameOf(api, place)} was stored as something else`, {
      expected: manifest.descriptor.digest,
      found: printable(said, 100),
    });
  }
}

export async function deleteManifest(api: Api, place: ManifestPlace, options: ReadOptions): Promise<void> {
  const answer = await api.call(requestFor(api, 'DELETE', place, options), [202, 200, 204]);
  answer.body.resume();
}

function requestFor(api: Api, method: string, place: ManifestPlace, options: ReadOptions): ApiRequest {
  const verb = { GET: 'read', HEAD: 'looked up', PUT: 'stored', DELETE: 'deleted' }[method] ?? 'used';
  const actions = { PUT: 'pull,push', DELETE: 'delete,pull' }[method] ?? 'pull';
  return {
    method,
    to: `/v2/${place.repository}/manifests/${place.tagOrDigest}`,
    scopes: [`repository:${place.repository}:${actions}`],
    what: `the manifest ${nameOf(api, place)} cannot be ${verb}`,
    headers: method === 'GET' || method === 'HEAD' ? { accept: ACCEPT } : {},
    ...(options.signal ? { signal: options.signal } : {}),
  };
}

function nameOf(api: Api, place: ManifestPlace): string {
  const sign = isDigest(place.tagOrDigest) ? '@' : ':';
  return `${api.host}/${place.repository}${sign}${place.tagOrDigest}`;
}

/** Schema 1 is passed on too: parseManifest refuses it with its name. */
function isManifestKind(mediaType: string): boolean {
  return isManifestType(mediaType) || mediaType.includes('distribution.manifest.v1');
}

function typeOf(value: string | undefined): string {
  return (value ?? '').split(';')[0]?.trim() ?? '';
}

function header(value: string | string[] | undefined): string {
  return typeof value === 'string' ? value : '';
}
