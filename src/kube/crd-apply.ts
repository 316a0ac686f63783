import { AirgapError } from '../errors.js';
import { type Emit, silent } from '../events.js';
import { forEachPooled, mapPooled } from '../io/pool.js';
import { checkCrds, demandCompatible, type LiveCrd, sameSpec } from './crd-check.js';
import type { Crd } from './crd-file.js';
import { RESOURCES } from './resources.js';
import type { KubeClient } from './types.js';
import { waitFor } from './wait.js';

export interface CrdOptions {
  readonly signal?: AbortSignal;
  readonly emit?: Emit;
  /** Milliseconds until all must be established; 60000. */
  readonly timeout?: number;
  /** Called before every change. */
  readonly guard?: () => Promise<void>;
}

export interface CrdReport {
  readonly applied: readonly string[];
  /** Live spec equal to the file's already. */
  readonly unchanged: readonly string[];
}

const WIDTH = 4;

/** The live CRDs of the same names; those that are not there are left out. */
export async function readLiveCrds(
  client: KubeClient,
  crds: readonly Crd[],
  signal?: AbortSignal,
): Promise<LiveCrd[]> {
  const read = async (crd: Crd): Promise<LiveCrd | undefined> =>
    client.get<LiveCrd>(RESOURCES.crds, { name: crd.metadata.name }, signal ? { signal } : {});
  const live = await mapPooled(crds, WIDTH, read, signal);
  return live.filter((crd) => crd !== undefined);
}

/**
 * Applies CRDs exactly as the file has them, several at a time, and waits until the server serves them all.
 * Those that are the file's already are left alone. Nothing is applied when one cannot be.
 * @throws AirgapError CRD_STORED_VERSION, CRD_INCOMPATIBLE, CRD_NOT_ESTABLISHED, APPLY_CONFLICT, CLUSTER_REFUSED
 */
export async function applyCrds(
  client: KubeClient,
  crds: readonly Crd[],
  options: CrdOptions = {},
): Promise<CrdReport> {
  const emit = options.emit ?? silent;
  const live = await readLiveCrds(client, crds, options.signal);
  demandCompatible(checkCrds(crds, live));
  const byName = new Map(live.map((crd) => [crd.metadata.name, crd]));
  const wanted = crds.filter((crd) => {
    const old = byName.get(crd.metadata.name);
    return !old || !sameSpec(crd.spec, old.spec);
  });
  let done = 0;
  await forEachPooled(
    wanted,
    WIDTH,
    async (crd, signal) => {
      await options.guard?.();
      await client.apply(crd, { resource: RESOURCES.crds, signal });
      done++;
      const { name } = crd.metadata;
      emit({ type: 'progress', stage: 'crds', done, total: wanted.length, unit: 'items', current: name });
    },
    options.signal,
  );
  await waitEstablished(client, crds, options);
  const names = new Set(wanted.map((crd) => crd.metadata.name));
  const all = crds.map((crd) => crd.metadata.name);
  return { applied: [...names], unchanged: all.filter((name) => !names.has(name)) };
}

/** True when the server accepted the names and serves the CRD. */
export function isEstablished(crd: LiveCrd): boolean {
  const conditions = crd.status?.conditions ?? [];
  const holds = (type: string): boolean =>
    conditions.some((condition) => condition.type === type && condition.status === 'True');
  return holds('Established') && holds('NamesAccepted');
}

async function waitEstablished(client: KubeClient, crds: readonly Crd[], options: CrdOptions): Promise<void> {
  let pending: LiveCrd[] = [];
  const look = async (): Promise<true | undefined> => {
    const live = await readLiveCrds(client, crds, options.signal);
    pending = live.filter((crd) => !isEstablished(crd));
    return pending.length === 0 && live.length === crds.length ? true : undefined;
  };
  const timeout = options.timeout ?? 60_000;
  const wait = { timeout, every: 500, ...(options.signal ? { signal: options.signal } : {}) };
  if (await waitFor(look, wait)) return;
  throw new AirgapError('CRD_NOT_ESTABLISHED', `CRDs are not served after ${timeout / 1000} s`, {
    faults: pending.map((crd) => ({ where: crd.metadata.name, what: describeConditions(crd) })),
  });
}

function describeConditions(crd: LiveCrd): string {
  const open = (crd.status?.conditions ?? []).filter((condition) => condition.status !== 'True');
  if (open.length === 0) return 'the server has not said anything about it';
  return open
    .map(({ type, reason, message }) => `not ${type}: ${reason ?? ''} ${message ?? ''}`.trim())
    .join('; ');
}
