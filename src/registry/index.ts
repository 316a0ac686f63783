import { type Emit, silent } from '../events.js';
import { createAnswer } from './answer.js';
import type { AuthPolicy } from './auth.js';
import type { BundleContent } from './bundle-content.js';
import { createBundleStore } from './bundle-store.js';
import { openFolderStore } from './folder-open.js';
import { createOverlayStore } from './overlay-store.js';
import { type Listen, startServer, type TlsPair } from './server.js';

export interface ServeOptions {
  /** 127.0.0.1 and any free port when absent. */
  readonly listen?: Listen;
  readonly tls?: TlsPair;
  readonly auth?: AuthPolicy;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  readonly emit?: Emit;
}

/** A registry that answers. */
export interface ServedRegistry {
  /** HOST:PORT, as images name it. */
  readonly address: string;
  readonly port: number;
  /** Lets running requests finish for a while, gives the bundle or folder back. */
  close(): Promise<void>;
}

/** Serves a bundle read-only, in place. The bundle is closed with the server. @throws AirgapError LISTEN_FAILED */
export function serveBundle(bundle: BundleContent, options: ServeOptions = {}): Promise<ServedRegistry> {
  return serveRegistry({ ...options, bundle });
}

/** Serves a folder that can be pushed to; it is made when absent. @throws AirgapError LISTEN_FAILED, LOCKED */
export function serveFolder(root: string, options: ServeOptions = {}): Promise<ServedRegistry> {
  return serveRegistry({ ...options, root });
}

/** Serves a bundle, a folder, or a folder above a bundle. @throws AirgapError LISTEN_FAILED, LOCKED, OUTPUT_UNWRITABLE */
export async function serveRegistry(
  options: ServeOptions & { readonly bundle?: BundleContent; readonly root?: string },
): Promise<ServedRegistry> {
  const { emit = silent, now = Date.now, listen = { host: '127.0.0.1', port: 0 } } = options;
  const below = options.bundle && (await createBundleStore(options.bundle));
  const above = options.root === undefined ? undefined : await openFolderStore(options.root, { now, emit });
  const writable = above && below ? createOverlayStore(above, below) : above;
  const store = writable ?? below;
  if (!store) throw new TypeError('neither a bundle nor a folder to serve');
  const answer = createAnswer({
    store,
    emit,
    ...(writable ? { writable } : {}),
    ...(options.auth ? { auth: options.auth } : {}),
  });
  try {
    const server = await startServer((request, response) => void answer(request, response), {
      listen,
      ...(options.tls ? { tls: options.tls } : {}),
    });
    const close = async (): Promise<void> => {
      await server.close();
      await store.close();
    };
    return { address: formatAddress(listen.host, server.port), port: server.port, close };
  } catch (error) {
    await store.close();
    throw error;
  }
}

function formatAddress(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
