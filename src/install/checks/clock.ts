import { RESOURCES } from '../../kube/resources.js';
import type { KubeClient, KubeObject } from '../../kube/types.js';
import { waitFor } from '../../kube/wait.js';
import type { Finding } from '../findings.js';
import { valueAt } from '../values.js';
import type { Check, Row } from './types.js';

const ROW: Row = { id: 'clock.skew', title: 'clocks' };
/** The vendor’s limit for nodes. */
const MOST_MS = 60_000;
/** A kubelet renews its lease every 10 s. */
const PERIOD_MS = 14_000;

/** Clocks by name, each as it was read together with the installer’s. Milliseconds since the epoch. */
export interface ClockFacts {
  /** Between the request and its answer. */
  readonly installer: { readonly before: number; readonly after: number };
  /** The Date header: whole seconds, rounded down. */
  readonly server?: number;
  /** renewTime of the nodes’ leases: at most the renewal period behind the node’s clock. */
  readonly nodes: readonly NodeClock[];
}

export interface NodeClock {
  readonly name: string;
  readonly renewed: number;
  /** Whether the lease was renewed while we looked; absent when nobody waited for it. */
  readonly renewing?: boolean;
}

export const clockCheck: Check = {
  row: ROW,
  run: async ({ client, now, signal }) => [judgeClocks(await readClocks(client, { now, signal }))],
};

export async function readClocks(
  client: KubeClient,
  { now, signal }: { readonly now: () => number; readonly signal: AbortSignal },
): Promise<ClockFacts> {
  const first = await readLeases(client, signal);
  const before = now();
  const response = await client.request({ method: 'GET', path: '/version', signal });
  const after = now();
  const server = Date.parse(String(response.headers['date'] ?? ''));
  const late = first.some(({ renewed }) => server - renewed > MOST_MS);
  const nodes = late ? await watchLeases(first, { client, signal }) : first;
  return {
    installer: { before, after },
    ...(Number.isNaN(server) ? {} : { server }),
    nodes,
  };
}

/** A lease far behind is an old one or a slow clock: only the latter is renewed. */
async function watchLeases(
  first: readonly NodeClock[],
  { client, signal }: { readonly client: KubeClient; readonly signal: AbortSignal },
): Promise<readonly NodeClock[]> {
  let last = first;
  const moved = (node: NodeClock): boolean =>
    first.find(({ name }) => name === node.name)?.renewed !== node.renewed;
  await waitFor(
    async () => {
      last = await readLeases(client, signal);
      return last.every(moved) ? true : undefined;
    },
    { timeout: PERIOD_MS, every: 2000, signal },
  );
  return last.map((node) => ({ ...node, renewing: moved(node) }));
}

async function readLeases(client: KubeClient, signal: AbortSignal): Promise<NodeClock[]> {
  const leases = await client.list<KubeObject>(RESOURCES.leases, { namespace: 'kube-node-lease', signal });
  return leases.flatMap((lease) => {
    const renewed = Date.parse(String(valueAt(lease, ['spec', 'renewTime']) ?? ''));
    return Number.isNaN(renewed) ? [] : [{ name: lease.metadata.name, renewed }];
  });
}

/** Compares three kinds of clocks; the one that stands apart from the others is named, none is trusted. */
export function judgeClocks({ installer, server, nodes }: ClockFacts): Finding {
  const middle = (installer.before + installer.after) / 2;
  const slack = (installer.after - installer.before) / 2 + 1000;
  if (server === undefined)
    return { ...ROW, outcome: 'not-checked', seen: 'the API server’s answers carry no date' };
  const apart = Math.max(0, Math.abs(server + 500 - middle) - slack);
  const ahead = nodes.filter(({ renewed }) => renewed - server > MOST_MS);
  const late = nodes.filter(({ renewed }) => server - renewed > MOST_MS);
  const behind = late.filter(({ renewing }) => renewing === true);
  const silent = late.filter(({ renewing }) => renewing !== true);
  const faults = [
    ...(apart > MOST_MS
      ? [`this machine ${text(middle)}, API server ${text(server)}: ${seconds(server - middle)} apart`]
      : []),
    ...ahead.map(
      ({ name, renewed }) => `node ${name} is ${seconds(renewed - server)} ahead of the API server`,
    ),
    ...behind.map(
      ({ name, renewed }) => `node ${name} is ${seconds(server - renewed)} behind the API server`,
    ),
  ];
  if (faults.length === 0 && silent.length > 0) {
    const named = silent.map(({ name, renewed }) => `${name} (last sign ${text(renewed)})`).join(', ');
    return { ...ROW, outcome: 'warn', seen: `no sign of life from ${named}`, advice: 'look at these nodes' };
  }
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
