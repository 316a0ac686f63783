import { AirgapError } from '../errors.js';

/** The lease object as far as it matters; install implements the interface with its Kubernetes client. */
export interface LeaseRecord {
  /** Empty when nobody holds it. */
  readonly holder: string;
  /** RFC 3339 micro time, as the holder wrote it: shown and compared for equality, never with a clock. */
  readonly acquireTime: string;
  readonly renewTime: string;
  readonly durationSeconds: number;
  /** leaseTransitions: grows with every acquisition; the fencing number. */
  readonly transitions: number;
  readonly resourceVersion: string;
}

export type LeaseBody = Omit<LeaseRecord, 'resourceVersion'>;

/** coordination.k8s.io/v1 Lease `airgap-lock`. A lost race (409) is the answer `conflict`, not an error. */
export interface LeaseApi {
  /** A strong read (no resourceVersion parameter); undefined when there is none. */
  get(signal: AbortSignal): Promise<LeaseRecord | undefined>;
  create(body: LeaseBody, signal: AbortSignal): Promise<LeaseRecord | 'conflict'>;
  /** With `resourceVersion` in the body sent, so that the server refuses a stale writer. */
  update(body: LeaseRecord, signal: AbortSignal): Promise<LeaseRecord | 'conflict'>;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds that never jump; must count the time a machine was suspended where the system can. */
  readonly monotonic: () => number;
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

export interface LeaseHolder {
  readonly runId: string;
  /** The host and its state folder: one host lock guards all that share it. */
  readonly place: string;
}

export interface LeaseOptions {
  readonly holder: LeaseHolder;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Runs that are recorded in this state folder: the host lock, which we hold, proves that their processes are gone. */
  readonly recorded?: ReadonlySet<string>;
  /** The run id that the operator says is gone (`--takeover`). */
  readonly takeover?: string;
  /** Called while the silence of another holder is being watched. */
  readonly onWait?: (waitedMs: number, ofMs: number) => void;
}

/** A hold on the cluster. */
export interface Lease {
  /** The fencing number. */
  readonly fence: number;
  /** A strong read before a change. @throws AirgapError LOCK_LOST */
  readonly guard: () => Promise<void>;
  /** Gives the lease back; never throws. */
  readonly release: () => Promise<void>;
}

export const LEASE_NAME = 'airgap-lock';
export const LEASE_SECONDS = 60;
const RENEW_MS = 15_000;
/** How long another holder must have been seen silent before it may be taken over. */
export const SILENCE_MS = 180_000;
const POLL_MS = 15_000;
const MOST_RACES = 5;

/**
 * Takes the cluster's lease and keeps renewing it until it is released.
 * What a run of the same host and state folder held is taken at once (the host lock proves that its process is gone);
 * anybody else's hold ends only by its release, or by `takeover` after 180 s in which we saw no renewal.
 * @throws AirgapError LOCKED
 */
export async function acquireLease(api: LeaseApi, options: LeaseOptions): Promise<Lease> {
  for (let races = 0; races < MOST_RACES; races++) {
    const current = await api.get(options.signal);
    if (current !== undefined) await mayTake(api, current, options);
    const body = held(options, (current?.transitions ?? 0) + 1);
    const taken =
      current === undefined
        ? await api.create(body, options.signal)
        : await api.update({ ...body, resourceVersion: current.resourceVersion }, options.signal);
    if (taken !== 'conflict') return keep(api, taken, options);
  }
  throw new AirgapError('LOCKED', 'the lease of the cluster kept changing hands while it was being taken');
}

/** `20261121T101500Z-3f9c2a@installer-1:8c1f` */
export function formatHolder(holder: LeaseHolder): string {
  return `${holder.runId}@${holder.place}`;
}

async function mayTake(api: LeaseApi, current: LeaseRecord, options: LeaseOptions): Promise<void> {
  if (current.holder === '' || current.holder === formatHolder(options.holder)) return;
  const runId = current.holder.split('@')[0] ?? '';
  const isOfThisPlace = current.holder === formatHolder({ ...options.holder, runId });
  // The name of a place alone may be another machine's too; nobody else has the record of the run.
  if (isOfThisPlace && options.recorded?.has(runId)) return;
  if (options.takeover !== runId) throw heldBy(current, 'no --takeover was given for it');
  const start = options.clock.monotonic();
  let waited = 0;
  while (waited < SILENCE_MS) {
    options.onWait?.(waited, SILENCE_MS);
    await options.clock.sleep(Math.min(POLL_MS, SILENCE_MS - waited), options.signal);
    const seen = await api.get(options.signal);
    if (seen === undefined || seen.resourceVersion !== current.resourceVersion) {
      throw heldBy(seen ?? current, 'it changed while its silence was being watched');
    }
    waited = options.clock.monotonic() - start;
  }
}

function heldBy(lease: LeaseRecord, why: string): AirgapError {
  const runId = lease.holder.split('@')[0] ?? '';
  return new AirgapError('LOCKED', `run ${lease.holder} holds the cluster since ${lease.acquireTime}`, {
    expected: 'no other run at work on this cluster',
    found: `last sign of life ${lease.renewTime} by its own clock; ${why}`,
    hint: `wait for it; if it is surely gone, run the same command with --takeover=${runId}`,
  });
}

function held(options: LeaseOptions, transitions: number): LeaseBody {
  const now = microTime(options.clock.now());
  return {
    holder: formatHolder(options.holder),
    acquireTime: now,
    renewTime: now,
    durationSeconds: LEASE_SECONDS,
    transitions,
  };
}

function keep(api: LeaseApi, taken: LeaseRecord, options: LeaseOptions): Lease {
  const stop = new AbortController();
  let current = taken;
  let lost = false;
  let renewed = options.clock.monotonic();
  const mine = (seen: LeaseRecord | undefined): boolean =>
    seen !== undefined && seen.holder === taken.holder && seen.transitions === taken.transitions;

  const renew = async (): Promise<void> => {
    const next = { ...current, renewTime: microTime(options.clock.now()) };
    const answer = await api.update(next, stop.signal);
    if (answer !== 'conflict') {
      current = answer;
      renewed = options.clock.monotonic();
      return;
    }
    await look();
  };
  const look = async (): Promise<void> => {
    const seen = await api.get(stop.signal);
    if (mine(seen)) current = seen as LeaseRecord;
    else lost = true;
  };
  const renewing = (async () => {
    while (!stop.signal.aborted && !lost) {
      await options.clock.sleep(RENEW_MS, stop.signal);
      // An unreachable API server is no verdict: the guard before the next change decides.
      await renew().catch(() => {});
    }
  })().catch(() => {});

  return {
    fence: taken.transitions,
    guard: async () => {
      if (!lost) await look();
      if (!lost && options.clock.monotonic() - renewed > LEASE_SECONDS * 1000) await renew();
      if (lost) {
        throw new AirgapError('LOCK_LOST', 'another run took the cluster over from this one', {
          expected: `${taken.holder}, fence ${taken.transitions}`,
          found: 'another holder, or no lease at all',
        });
      }
    },
    release: async () => {
      stop.abort();
      await renewing;
      const signal = AbortSignal.timeout(10_000);
      const seen = await api.get(signal).catch(() => undefined);
      if (mine(seen)) await api.update({ ...(seen as LeaseRecord), holder: '' }, signal).catch(() => {});
    },
  };
}

/** MicroTime of the Kubernetes API. */
function microTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000Z');
}
