import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'clock.skew', title: 'clocks' };
/** The vendor’s limit for nodes. */
const MOST_MS = 60_000;
/** A kubelet renews its lease every 10 s; a lease this old says nothing about a clock. */
const STALE_MS = 40_000;

/** Clocks by name, each as it was read together with the installer’s. Milliseconds since the epoch. */
export interface ClockFacts {
  /** Between the request and its answer. */
  readonly installer: { readonly before: number; readonly after: number };
  /** The Date header: whole seconds, rounded down. */
  readonly server?: number;
  /** renewTime of the nodes’ leases: at most the renewal period behind the node’s clock. */
  readonly nodes: readonly { readonly name: string; readonly renewed: number }[];
}

export const clockCheck: Check = {
  row: ROW,
  run: async ({ client, now, signal }) => [judgeClocks(await readClocks(client, { now, signal }))],
};

export async function readClocks(
  client: KubeClient,
  { now, signal }: { readonly now: () => number; readonly signal: AbortSignal },
): Promise<ClockFacts> {
  const leases = await client.list<KubeObject>(RESOURCES.leases, { namespace: 'kube-node-lease', signal });
  const before = now();
  const response = await client.request({ method: 'GET', path: '/version', signal });
  const after = now();
  const server = Date.parse(String(response.headers['date'] ?? ''));
  return {
    installer: { before, after },
    ...(Number.isNaN(server) ? {} : { server }),
    nodes: leases.flatMap((lease) => {
      const renewed = Date.parse(String(valueAt(lease, ['spec', 'renewTime']) ?? ''));
      return Number.isNaN(renewed) ? [] : [{ name: lease.metadata.name, renewed }];
    }),
  };
}

/** Compares three kinds of clocks; the one that stands apart from the others is named, none is trusted. */
export function judgeClocks({ installer, server, nodes }: ClockFacts): Finding {
  const middle = (installer.before + installer.after) / 2;
  const slack = (installer.after - installer.before) / 2 + 1000;
  if (server === undefined)
    return { ...ROW, outcome: 'not-checked', seen: 'the API server’s answers carry no date' };
  const apart = Math.max(0, Math.abs(server + 500 - middle) - slack);
  // A node ahead of the server shows at once; one that lags only when it is more than a stale lease behind.
  const ahead = nodes.filter(({ renewed }) => renewed - server > MOST_MS);
  const behind = nodes.filter(({ renewed }) => server - renewed > MOST_MS + STALE_MS);
  const faults = [
    ...(apart > MOST_MS
      ? [`this machine ${text(middle)}, API server ${text(server)}: ${seconds(server - middle)} apart`]
      : []),
    ...ahead.map(
      ({ name, renewed }) => `node ${name} is ${seconds(renewed - server)} ahead of the API server`,
    ),
    ...behind.map(
      ({ name, renewed }) =>
        `node ${name} is ${seconds(server - renewed)} behind the API server, or has stopped renewing its lease`,
    ),
  ];
  if (faults.length === 0) {
    const seen = `this machine, API server and ${nodes.length} nodes within a minute (${text(middle)})`;
    return { ...ROW, outcome: 'pass', seen };
  }
  const advice = 'let all of them follow one time server (NTP), then run the same command again';
  return { ...ROW, outcome: 'fail', seen: faults.join('; '), expected: 'within 60 s', advice };
}

function seconds(milliseconds: number): string {
  return `${Math.round(Math.abs(milliseconds) / 1000)} s`;
}

function text(time: number): string {
  return new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');
}
