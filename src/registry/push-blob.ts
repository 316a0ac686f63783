import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import {
  type ContentDigest,
  type HashAlgorithm,
  isHashAlgorithm,
  parseContentDigest,
} from './content-digest.js';
import { type Exchange, type Handler, sendEmpty } from './exchange.js';
import { parseContentRange } from './range.js';
import { refuse } from './refusal.js';
import { checkName } from './route.js';
import type { Upload, WritableStore } from './types.js';

/** The handlers of the upload endpoints. They know which request is at work on which session. */
export interface BlobHandlers {
  readonly start: Handler;
  readonly status: Handler;
  readonly append: Handler;
  readonly finish: Handler;
  readonly cancel: Handler;
  readonly remove: Handler;
}

export function createBlobHandlers(): BlobHandlers {
  const atWork = new Map<string, { readonly request: IncomingMessage; readonly done: Promise<void> }>();

  /**
   * Runs work on a session that no other request is at work on. A client that comes again has lost its earlier
   * connection, even when nobody told us: the earlier request is ended, what it brought counts.
   */
  async function alone(id: string, request: IncomingMessage, work: () => Promise<void>): Promise<void> {
    for (let other = atWork.get(id); other; other = atWork.get(id)) {
      other.request.destroy();
      await other.done;
    }
    const done = work();
    atWork.set(id, { request, done: done.catch(() => {}) });
    try {
      await done;
    } finally {
      atWork.delete(id);
    }
  }

  return {
    async start(exchange, name) {
      const { request, query, response } = exchange;
      const store = writableOf(exchange);
      const mount = query.get('mount');
      if (mount !== null && (await tryMount(store, name, mount, query.get('from')))) {
        created(exchange, name, parseContentDigest(mount));
        return;
      }
      const text = query.get('digest');
      const digest = text === null ? undefined : parseContentDigest(text);
      const upload = await store.startUpload(name, digest?.algorithm ?? wantedAlgorithm(query));
      if (digest && hasBody(request, digest)) {
        await receiveAll(exchange, upload, digest);
        created(exchange, name, digest);
      } else {
        sendEmpty(response, 202, progressHeaders(upload));
      }
    },

    async status(exchange, name, id) {
      sendEmpty(exchange.response, 204, progressHeaders(find(exchange, name, id)));
    },

    async append(exchange, name, id) {
      const upload = find(exchange, name, id);
      await alone(id, exchange.request, () => receive(exchange, upload));
      sendEmpty(exchange.response, 202, progressHeaders(upload));
    },

    async finish(exchange, name, id) {
      const upload = find(exchange, name, id);
      const digest = parseContentDigest(exchange.query.get('digest') ?? '');
      await alone(id, exchange.request, async () => {
        upload.expect(digest.algorithm);
        await receive(exchange, upload);
        await writableOf(exchange).finishUpload(upload, digest);
      });
      created(exchange, name, digest);
    },

    async cancel(exchange, name, id) {
      const upload = find(exchange, name, id);
      await alone(id, exchange.request, () => writableOf(exchange).cancelUpload(upload));
      sendEmpty(exchange.response, 204);
    },

    async remove(exchange, name, last) {
      const digest = parseContentDigest(last);
      if (!(await writableOf(exchange).deleteBlob(name, digest))) {
        throw refuse('BLOB_UNKNOWN', 'the repository has no such blob', { detail: { digest: digest.text } });
      }
      sendEmpty(exchange.response, 202);
    },
  };
}

/** The store of an exchange that routing let through to a writing handler. */
export function writableOf(exchange: Exchange): WritableStore {
  if (exchange.writable) return exchange.writable;
  throw refuse('UNSUPPORTED', 'this registry is read-only');
}

/** Takes a body in, after a look at where it says it belongs. A session whose file cannot be written ends. */
async function receive(exchange: Exchange, upload: Upload): Promise<void> {
  const { request } = exchange;
  const store = writableOf(exchange);
  checkPlace(request, upload);
  try {
    await upload.append(request.iterator({ destroyOnReturn: false }));
  } catch (error) {
    if (!store.findUpload(upload.repository, upload.id)) await store.cancelUpload(upload);
    throw error;
  }
}

/** A single POST: nobody could go on with the session, so it does not outlive a failure. */
async function receiveAll(exchange: Exchange, upload: Upload, digest: ContentDigest): Promise<void> {
  const store = writableOf(exchange);
  try {
    await receive(exchange, upload);
    await store.finishUpload(upload, digest);
  } catch (error) {
    await store.cancelUpload(upload);
    throw error;
  }
}

/** A POST that names a digest and brings nothing asks for a session, unless nothing is what the digest means. */
function hasBody(request: IncomingMessage, digest: ContentDigest): boolean {
  const length = request.headers['content-length'];
  const isEmpty =
    length === '0' || (length === undefined && request.headers['transfer-encoding'] === undefined);
  return !isEmpty || createHash(digest.algorithm).digest('hex') === digest.hex;
}

function checkPlace(request: IncomingMessage, upload: Upload): void {
  const header = request.headers['content-range'];
  if (header === undefined) return;
  const range = parseContentRange(header);
  const length = request.headers['content-length'];
  if (!range) throw refuse('BLOB_UPLOAD_INVALID', 'Content-Range is not <start>-<end>');
  if (range.start !== upload.size) {
    throw refuse('BLOB_UPLOAD_INVALID', `the next chunk begins at ${upload.size}`, {
      status: 416,
      headers: progressHeaders(upload),
    });
  }
  if (length !== undefined && Number(length) !== range.end - range.start + 1) {
    throw refuse('SIZE_INVALID', 'Content-Length differs from Content-Range');
  }
}

async function tryMount(
  store: WritableStore,
  name: string,
  digest: string,
  from: string | null,
): Promise<boolean> {
  return store.mount(name, parseContentDigest(digest), from === null ? undefined : checkName(from));
}

function wantedAlgorithm(query: URLSearchParams): HashAlgorithm | undefined {
  const text = query.get('digest-algorithm');
  if (text === null || isHashAlgorithm(text)) return text ?? undefined;
  throw refuse('DIGEST_INVALID', 'the digest algorithms here are sha256 and sha512');
}

function find(exchange: Exchange, name: string, id: string): Upload {
  const upload = writableOf(exchange).findUpload(name, id);
  if (upload) return upload;
  throw refuse('BLOB_UPLOAD_UNKNOWN', 'there is no such upload; begin a new one');
}

function created({ response }: Exchange, name: string, digest: ContentDigest): void {
  sendEmpty(response, 201, {
    Location: `/v2/${name}/blobs/${digest.text}`,
    'Docker-Content-Digest': digest.text,
  });
}

function progressHeaders(upload: Upload): Record<string, string> {
  return {
    Location: `/v2/${upload.repository}/blobs/uploads/${upload.id}`,
    Range: `0-${Math.max(0, upload.size - 1)}`,
    'Docker-Upload-UUID': upload.id,
  };
}
