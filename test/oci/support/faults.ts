import { drain, type Exchange, type Fault, fail, send } from './fake-registry.js';

/** Answers after the body was read. */
export function reply(
  status: number,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
): Fault {
  return async (exchange) => {
    await drain(exchange).catch(() => undefined);
    send(exchange, status, headers, body);
    return true;
  };
}

export function refuse(status: number, code: string, message?: string): Fault {
  return async (exchange) => {
    await drain(exchange).catch(() => undefined);
    fail(exchange, status, code, message);
    return true;
  };
}

/** Answers at once and closes, without reading the body: what an ingress does with 413. */
export function refuseEarly(status: number, headers: Record<string, string> = {}): Fault {
  return ({ request, response }) => {
    request.pause();
    response.writeHead(status, { ...headers, connection: 'close', 'content-length': '0' });
    response.end(() => request.socket.end());
    return true;
  };
}

/** Takes `bytes` of the body into the session, then resets the connection. */
export function resetAfter(bytes: number): Fault {
  return async (exchange) => {
    await takeSome(exchange, bytes);
    exchange.request.socket.resetAndDestroy();
    return true;
  };
}

/** Takes `bytes` of the body into the session, then neither reads nor answers. */
export function hangAfter(bytes: number): Fault {
  return async (exchange) => {
    await takeSome(exchange, bytes);
    exchange.request.pause();
    return true;
  };
}

/** Sends the headers and the start of a blob, then does what `end` says. */
export function sendPart(bytes: Buffer, count: number, end: 'reset' | 'close' | 'hang'): Fault {
  return ({ request, response }) => {
    response.writeHead(200, { 'content-length': String(bytes.length) });
    response.write(bytes.subarray(0, count), () => {
      if (end === 'reset') setTimeout(() => request.socket.resetAndDestroy(), 20);
      if (end === 'close') setTimeout(() => request.socket.end(), 20);
    });
    return true;
  };
}

/** Bearer authentication: 401 with a challenge unless the request carries one of `valid`. */
export function wantBearer(realm: () => string, valid: Set<string>): Fault {
  return async (exchange) => {
    const token = String(exchange.request.headers.authorization ?? '').replace(/^Bearer /, '');
    if (valid.has(token)) return false;
    await drain(exchange).catch(() => undefined);
    const scope = `repository:${/^\/v2\/(.+?)\/(?:blobs|manifests|tags)\//.exec(exchange.seen.path)?.[1] ?? ''}:pull`;
    const challenge = `Bearer realm="${realm()}",service="fake",scope="${scope}"`;
    send(
      exchange,
      401,
      { 'www-authenticate': challenge },
      '{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}',
    );
    return true;
  };
}

async function takeSome({ request, seen, registry }: Exchange, bytes: number): Promise<void> {
  const session = registry.sessions.get(/uploads\/([^/?]+)$/.exec(seen.path)?.[1] ?? '');
  let taken = 0;
  while (taken < bytes) {
    const chunk = request.read() as Buffer | null;
    if (chunk === null) {
      if (request.readableEnded || request.destroyed) return;
      await new Promise((resolve) => request.once('readable', resolve).once('close', resolve));
      continue;
    }
    taken += chunk.length;
    seen.received += chunk.length;
    session?.chunks.push(chunk);
    if (session) session.size += chunk.length;
  }
}
