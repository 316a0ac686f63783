import type { IncomingHttpHeaders } from 'node:http';
import { AirgapError, isAirgapError } from '../errors.js';
import { type Api, createApi } from './api.js';
import { pourBlob, readBlob, type Wanted } from './blob-read.js';
import { createChunkSizes } from './chunk-size.js';
import type { RegistryClient, RegistryOptions } from './client.js';
import { findCredentials } from './credentials.js';
import { deleteManifest, getManifest, headManifest, putManifest } from './manifests.js';
import { proxyFor } from './proxy.js';
import { isRegistryHost } from './reference.js';
import { listTags } from './tags.js';
import { type Descriptor, FREE_BYTES_HEADER, type ReadOptions } from './types.js';
import { uploadBlob } from './upload.js';
import { cancelUpload, pushScope, startUpload } from './upload-session.js';

/**
 * A client of one registry (OCI distribution spec 1.1, and Docker's registries). Nothing is connected before the
 * first call.
 * @param host HOST[:PORT] as in references; docker.io means Docker's hub
 * @throws AirgapError REFERENCE_INVALID
 */
export function createRegistry(host: string, options: RegistryOptions): RegistryClient {
  if (!isRegistryHost(host)) {
    throw new AirgapError('REFERENCE_INVALID', `"${host}" is not the address of a registry`, {
      expected: 'HOST[:PORT]',
    });
  }
  const api = createApi(host, options);
  const sizes = createChunkSizes(options.chunkSize);
  const full = (repository: string): string =>
    options.prefix ? `${options.prefix}/${repository}` : repository;
  const place = (repository: string, tagOrDigest: string) => ({ repository: full(repository), tagOrDigest });
  const wanted = (repository: string, descriptor: Descriptor, read: ReadOptions): Wanted => {
    const name = full(repository);
    return {
      api,
      path: blobPath(name, descriptor),
      scopes: [`repository:${name}:pull`],
      descriptor,
      what: `blob ${descriptor.digest} of ${host}/${name} cannot be read`,
      signal: read.signal ?? options.signal,
    };
  };
  return {
    host,
    prefix: options.prefix,
    manifest: (repository, tagOrDigest, read = {}) =>
      getManifest(api, place(repository, tagOrDigest), withSignal(read, options)),
    hasManifest: (repository, tagOrDigest, read = {}) =>
      headManifest(api, place(repository, tagOrDigest), withSignal(read, options)),
    putManifest: (repository, tagOrDigest, manifest, read = {}) =>
      putManifest(api, place(repository, tagOrDigest), manifest, withSignal(read, options)),
    deleteManifest: (repository, digest, read = {}) =>
      deleteManifest(api, place(repository, digest), withSignal(read, options)),
    blob: async (repository, descriptor, read = {}) => readBlob(wanted(repository, descriptor, read), read),
    async pourBlob(repository, descriptor, { sink, ...read }) {
      const pouring = pourBlob(wanted(repository, descriptor, read), { from: 0, sink });
      const stop = (): void => pouring.stop();
      read.signal?.addEventListener('abort', stop, { once: true });
      await pouring.done.finally(() => read.signal?.removeEventListener('abort', stop));
      read.signal?.throwIfAborted();
    },
    hasBlob: (repository, descriptor, read = {}) =>
      headBlob(api, full(repository), descriptor, withSignal(read, options)),
    putBlob: (repository, descriptor, open, put = {}) =>
      uploadBlob({
        api,
        sizes,
        repository: full(repository),
        descriptor,
        open,
        from: (put.from ?? []).map(full),
        onBytes: put.onBytes,
        signal: put.signal ?? options.signal,
      }),
    ping: async (read = {}) => {
      await ping(api, withSignal(read, options));
    },
    freeSpace: async (read = {}) => freeBytesIn(await ping(api, withSignal(read, options))),
    tags: (repository, read = {}) => listTags(api, full(repository), withSignal(read, options)),
    probePush: (repository, read = {}) => probePush(api, full(repository), withSignal(read, options)),
    async route() {
      const proxy = proxyFor(api.base, options.env);
      const found = await findCredentials(host, undefined, options);
      const verified = options.insecureSkipTlsVerify ? 'not-verified' : 'verified';
      return {
        origin: api.base.origin,
        proxy: proxy && `${proxy.protocol}//${proxy.host}`,
        credentials: found?.origin,
        tls: options.plainHttp ? 'none' : verified,
      };
    },
    async close() {
      api.close();
    },
  };
}

async function ping(api: Api, read: ReadOptions): Promise<IncomingHttpHeaders> {
  const what = `${api.host} does not answer as a registry`;
  const answer = await api.call({ method: 'GET', to: '/v2/', scopes: [], what, ...read }, [200]);
  answer.body.resume();
  const type = String(answer.headers['content-type'] ?? '');
  if (type.includes('text/html')) {
    throw new AirgapError('REGISTRY_PROTOCOL', what, {
      expected: 'the answer of a registry to GET /v2/',
      found: 'a web page; a proxy or another server stands at this address',
    });
  }
  return answer.headers;
}

/** airgap's own registry tells it in an answer that every registry gives. */
function freeBytesIn(headers: IncomingHttpHeaders): number | undefined {
  const text = String(headers[FREE_BYTES_HEADER] ?? '');
  return /^\d{1,16}$/.test(text) ? Number(text) : undefined;
}

async function headBlob(
  api: Api,
  repository: string,
  descriptor: Descriptor,
  read: ReadOptions,
): Promise<boolean> {
  const what = `blob ${descriptor.digest} of ${api.host}/${repository} cannot be looked up`;
  const scopes = [pushScope(repository)];
  const to = blobPath(repository, descriptor);
  const answer = await api.call({ method: 'HEAD', to, scopes, what, ...read }, [200, 404]);
  answer.body.resume();
  if (answer.status === 404) return false;
  const length = answer.headers['content-length'];
  // A size that is not ours belongs to something else, whatever the server calls it.
  return length === undefined || Number(length) === descriptor.size;
}

/** Begins an upload and gives it up: proves the right to push without sending anything. */
async function probePush(api: Api, repository: string, read: ReadOptions): Promise<void> {
  const descriptor = { mediaType: 'application/octet-stream', digest: EMPTY, size: 0 } as const;
  try {
    const session = await startUpload(api, { repository, descriptor, signal: read.signal }, []);
    if (session !== 'mounted') await cancelUpload(api, session);
  } catch (error) {
    if (!isAirgapError(error, 'REGISTRY_NOT_FOUND')) throw error;
    throw new AirgapError('REGISTRY_DENIED', `${api.host} does not let us push to ${repository}`, {
      ...(error.found === undefined ? {} : { found: error.found }),
      hint: 'create the project or repository first; many registries do not create it on push',
      cause: error.cause,
    });
  }
}

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function blobPath(repository: string, descriptor: Descriptor): string {
  return `/v2/${repository}/blobs/${descriptor.digest}`;
}

function withSignal(read: ReadOptions, options: RegistryOptions): ReadOptions {
  const signal = read.signal ?? options.signal;
  return signal ? { signal } : {};
}
