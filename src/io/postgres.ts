import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { createReader, type MessageReader } from './postgres-reader.js';
import { scramFinal } from './scram.js';

/** Where a PostgreSQL server is and who asks. */
export interface PostgresLogin {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Milliseconds for the whole of it. */
  readonly timeout: number;
  readonly signal: AbortSignal;
}

/** A row of the answer, as text; null where the server says NULL. */
export type PostgresAnswer =
  | { readonly rows: readonly (readonly (string | null)[])[] }
  /** SQLSTATE and the server’s words; `network` where nobody answers. */
  | { readonly error: string; readonly code: string };

const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * Logs in (SCRAM-SHA-256, by TLS where the server has it; the certificate is not judged, the password is never sent)
 * and asks one question. PostgreSQL frontend/backend protocol 3.0.
 */
export async function askPostgres(login: PostgresLogin, sql: string): Promise<PostgresAnswer> {
  const signal = AbortSignal.any([login.signal, AbortSignal.timeout(login.timeout)]);
  let socket: Socket | undefined;
  try {
    socket = await openSocket(login, signal);
    const reader = createReader(socket, signal);
    return await talk(socket, reader, { login, sql });
  } catch (error) {
    login.signal.throwIfAborted();
    const found = error as { code?: string; message?: string };
    return { error: found.message ?? String(error), code: 'network' };
  } finally {
    socket?.destroy();
  }
}

async function openSocket({ host, port }: PostgresLogin, signal: AbortSignal): Promise<Socket> {
  const plain = connect({ host, port, signal });
  plain.on('error', () => {});
  await once(plain, 'connect', signal);
  plain.write(SSL_REQUEST);
  const answer = (await once(plain, 'data', signal)) as Buffer;
  if (answer[0] !== 0x53) return plain;
  // Only the version is asked for, and SCRAM shows the password to nobody.
  const secure = connectTls({ socket: plain, rejectUnauthorized: false });
  secure.on('error', () => {});
  await once(secure, 'secureConnect', signal);
  return secure;
}

function once(socket: Socket, event: string, signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error('no answer in time'));
    signal.addEventListener('abort', stop, { once: true });
    socket.once(event, (value: unknown) => {
      signal.removeEventListener('abort', stop);
      resolve(value);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
  });
}

async function talk(
  socket: Socket,
  reader: MessageReader,
  { login, sql }: { readonly login: PostgresLogin; readonly sql: string },
): Promise<PostgresAnswer> {
  const { user, database, password } = login;
  const start = Buffer.from(`user\0${user}\0database\0${database}\0application_name\0airgap\0\0`);
  socket.write(Buffer.concat([int32(start.length + 8), int32(196_608), start]));
  const scram: Scram = { bare: `n=,r=${randomBytes(18).toString('base64')}`, password };
  const rows: (string | null)[][] = [];
  for (let ready = 0; ; ) {
    const { type, body } = await reader.next();
    if (type === 'E') return readError(body);
    if (type === 'R') {
      const reply = authenticate(body, scram);
      if (typeof reply === 'string') return { error: reply, code: 'authentication' };
      if (reply) socket.write(message('p', reply));
    }
    if (type === 'D') rows.push(readRow(body));
    if (type === 'Z') {
      if (++ready === 2) return { rows };
      socket.write(message('Q', Buffer.from(`${sql}\0`)));
    }
  }
}

interface Scram {
  /** client-first-message-bare */
  readonly bare: string;
  readonly password: string;
}

/** The answer to an authentication request; undefined when none is due; text when it cannot be given. */
function authenticate(body: Buffer, scram: Scram): Buffer | string | undefined {
  switch (body.readInt32BE(0)) {
    case 0:
    case 12:
      return undefined;
    case 10: {
      if (!body.includes('SCRAM-SHA-256\0')) return 'the server offers no SCRAM-SHA-256';
      const first = Buffer.from(`n,,${scram.bare}`);
      return Buffer.concat([Buffer.from('SCRAM-SHA-256\0'), int32(first.length), first]);
    }
    case 11:
      return Buffer.from(scramFinal({ ...scram, serverFirst: body.subarray(4).toString('utf8') }));
    default:
      return 'the server asks for the password itself or for a method that is not spoken here';
  }
}

function readError(body: Buffer): PostgresAnswer {
  const fields = new Map(
    body
      .toString('utf8')
      .split('\0')
      .map((field) => [field[0], field.slice(1)]),
  );
  return { error: fields.get('M') ?? 'refused', code: fields.get('C') ?? '' };
}

function readRow(body: Buffer): (string | null)[] {
  const row: (string | null)[] = [];
  for (let column = 0, at = 2; column < body.readInt16BE(0); column++) {
    const size = body.readInt32BE(at);
    at += 4;
    row.push(size < 0 ? null : body.subarray(at, at + size).toString('utf8'));
    at += Math.max(0, size);
  }
  return row;
}

function message(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}
