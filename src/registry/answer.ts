import type { IncomingMessage, ServerResponse } from 'node:http';
import { isAirgapError, systemCode } from '../errors.js';
import type { Emit } from '../events.js';
import { printable } from '../redact.js';
import { type AuthPolicy, checkAuth } from './auth.js';
import type { Handler } from './exchange.js';
import { answerBase, getBlob, getManifest, listCatalog, listReferrers, listTags } from './pull.js';
import { createBlobHandlers } from './push-blob.js';
import { deleteManifest, putManifest } from './push-manifest.js';
import { Refusal, refuse } from './refusal.js';
import { type Endpoint, parseTarget } from './route.js';
import type { ContentStore, WritableStore } from './types.js';

export interface AnswerOptions {
  readonly store: ContentStore;
  /** Absent when the registry is read-only. */
  readonly writable?: WritableStore;
  readonly auth?: AuthPolicy;
  readonly emit: Emit;
}

type Methods = Readonly<Record<string, Handler>>;

/** Makes the function that answers every request; it never throws. */
export function createAnswer(
  options: AnswerOptions,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const table = handlerTable();
  const { store, writable, auth, emit } = options;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const method = request.method ?? '';
    const { route, query } = parseTarget(request.url ?? '/');
    const { authorization } = request.headers;
    if (auth) checkAuth(auth, { method, isPing: route.endpoint === 'base', authorization });
    const handler = chooseHandler(table[route.endpoint], method, writable !== undefined);
    const name = 'name' in route ? route.name : '';
    const last = 'last' in route ? route.last : '';
    await handler({ request, response, query, store, ...(writable ? { writable } : {}) }, name, last);
  }

  return async (request, response) => {
    const line = `${request.method} ${printable(request.url ?? '', 300)}`;
    response.setHeader('Docker-Distribution-API-Version', 'registry/2.0');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    try {
      await answer(request, response);
      emit({ type: 'note', level: 'debug', text: `${response.statusCode} ${line}` });
    } catch (error) {
      const refusal = asRefusal(error);
      const isClientGone = request.destroyed && !request.complete;
      const level = refusal.status >= 500 && !isClientGone ? 'warn' : 'debug';
      emit({ type: 'note', level, text: `${refusal.status} ${line}: ${refusal.message}` });
      sendRefusal(response, refusal);
    }
  };
}

function handlerTable(): Readonly<Record<Endpoint, Methods>> {
  const blobs = createBlobHandlers();
  return {
    base: { GET: answerBase },
    catalog: { GET: listCatalog },
    tags: { GET: listTags },
    referrers: { GET: listReferrers },
    manifest: { GET: getManifest, PUT: putManifest, DELETE: deleteManifest },
    blob: { GET: getBlob, DELETE: blobs.remove },
    uploads: { POST: blobs.start },
    upload: { GET: blobs.status, PATCH: blobs.append, PUT: blobs.finish, DELETE: blobs.cancel },
  };
}

/** HEAD is answered like GET: Node leaves the body out. */
function chooseHandler(methods: Methods, method: string, isWritable: boolean): Handler {
  const handler = methods[method === 'HEAD' ? 'GET' : method];
  const isUpload = !('GET' in methods) || 'PATCH' in methods;
  if (handler && (isWritable || (!isUpload && (method === 'GET' || method === 'HEAD')))) return handler;
  const message = handler ? 'this registry serves a bundle read-only' : `${method} is not supported here`;
  const allowed = isWritable ? Object.keys(methods) : isUpload ? [] : ['GET'];
  const allow = allowed.includes('GET') ? [...allowed, 'HEAD'] : allowed;
  throw refuse('UNSUPPORTED', message, { headers: { Allow: allow.join(', ') } });
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const code = systemCode(error);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  if (isFull) return refuse('UNKNOWN', 'the registry has no room left', { status: 507 });
  const message = isAirgapError(error)
    ? `${error.code}: ${error.message}`
    : `the registry failed (${code ?? error})`;
  return refuse('UNKNOWN', printable(message, 300));
}

/** When the answer has begun, only cutting the connection tells the client that it is not whole. */
function sendRefusal(response: ServerResponse, refusal: Refusal): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const body = Buffer.from(refusal.toJson());
  response.writeHead(refusal.status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
    ...refusal.headers,
  });
  response.end(body);
}
