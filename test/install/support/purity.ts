import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FaultSite } from './fault-site.js';

/** A request to the API server that changed something. */
export interface Change {
  readonly verb: string;
  /** pods, or pods/exec */
  readonly resource: string;
  readonly name: string;
  readonly agent: string;
}

interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly userAgent?: string;
  readonly user: { readonly username: string };
  readonly objectRef?: { readonly resource?: string; readonly subresource?: string; readonly name?: string };
}

/** Reviews are answers that the server makes up; nothing is kept. */
const ASKED = /^(selfsubject|subject|localsubject)(access|rules)?reviews$|^tokenreviews$/;

/** What the administrator changed since a place in the audit log; dry runs and reviews change nothing. */
export function changesSince(site: FaultSite, from: number): Change[] {
  return auditLog(site)
    .slice(from)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ user }) => user.username === 'kubernetes-admin')
    .filter(({ requestURI }) => !/[?&]dryRun=All\b/.test(requestURI))
    .filter(({ objectRef }) => !ASKED.test(objectRef?.resource ?? ''))
    .map(({ verb, objectRef = {}, userAgent = '' }) => ({
      verb,
      resource: [objectRef.resource, objectRef.subresource].filter((part) => part !== undefined).join('/'),
      name: objectRef.name ?? '',
      agent: userAgent.split(' ')[0] ?? '',
    }));
}

/** Length of the log so far: what comes after it is new. */
export function auditLog(site: FaultSite): string {
  return readFileSync(join(dirname(site.pki), 'logs', 'audit.log'), 'utf8');
}

/** A registry that counts: passes everything on to the node's own and writes a line for each request. */
export function countingProxy(site: FaultSite, log: string): string {
  return `
    import { appendFileSync, writeFileSync } from 'node:fs';
    import { createServer, request } from 'node:http';
    const log = ${JSON.stringify(log)};
    writeFileSync(log, '');
    const [host, port] = ${JSON.stringify(site.node.registry)}.split(':');
    createServer((incoming, outgoing) => {
      let bytes = 0;
      const { method, url, headers } = incoming;
      const passed = request({ host, port, method, path: url, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
        answer.on('end', () => appendFileSync(log, JSON.stringify({ method, url, bytes }) + '\\n'));
      });
      incoming.on('data', (chunk) => { bytes += chunk.length; });
      incoming.pipe(passed);
    }).listen(5002, '10.99.0.2', () => console.error('registry at 10.99.0.2:5002'));`;
}

export interface Counted {
  readonly method: string;
  readonly url: string;
  /** Of the request's body. */
  readonly bytes: number;
}

export function countedSince(log: string, from: number): Counted[] {
  return readFileSync(log, 'utf8')
    .slice(from)
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Counted);
}
