/** A minimal client of the Kubernetes API for the node's own programs. */
import { Agent, request as httpsRequest } from 'node:https';

/** Sends one request and resolves with the JSON answer; 404 and 409 resolve with undefined. */
export type KubeRequest = (method: string, path: string, body?: unknown) => Promise<unknown>;

const TIMEOUT_MS = 10_000;

/** A client of one API server by bearer token. */
export function connect(server: string, ca: Buffer, token: string): KubeRequest {
  const agent = new Agent({ keepAlive: true, maxSockets: 2, ca });
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
      const outgoing = httpsRequest(new URL(path, server), { method, agent, headers, timeout: TIMEOUT_MS });
      outgoing.on('timeout', () => outgoing.destroy(new Error(`${method} ${path}: no answer`)));
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          const text = Buffer.concat(chunks).toString('utf8');
          if (status < 300) resolve(JSON.parse(text));
          else if (status === 404 || status === 409) resolve(undefined);
          else reject(new Error(`${method} ${path}: status ${status}: ${text.slice(0, 300)}`));
        });
      });
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
}
