import { AirgapError, type Fault } from '../errors.js';
import type { Plan } from './types.js';

/** Version of what lies in a run folder. Readers take this one and the two before it. */
export const TOOL_SCHEMA = 1;
const OLDEST_SCHEMA = Math.max(1, TOOL_SCHEMA - 2);

/** What a run is bound to. */
export interface RunIdentity {
  readonly schema: number;
  readonly runId: string;
  readonly kind: Plan['kind'];
  readonly title: string;
  /** SHA-256 of the bundle's manifest. */
  readonly bundleId: string;
  /** SHA-256 of the plan's canonical JSON. */
  readonly planSha: string;
  /** UID of the namespace kube-system. */
  readonly clusterUid: string;
  readonly toolVersion: string;
  /** What was asked for, by name: plain words or digests. */
  readonly inputs: Readonly<Record<string, string>>;
  /** ISO time. */
  readonly createdAt: string;
  /** The run that this one undoes or goes on from. */
  readonly origin?: string;
  /** What to type to go on with it; no secrets. Absent in runs of earlier versions. */
  readonly command?: string;
}

/** What a command that would resume a run asks for. */
export interface Resumption {
  readonly kind: Plan['kind'];
  readonly bundleId: string;
  readonly clusterUid: string;
  /** Only what was given: resuming needs no flags, but a flag that is given must be the run's. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** Sorts by time: `20261121T101500Z-3f9c2a1b`. */
export function formatRunId(now: number, random: Buffer): string {
  return `${new Date(now).toISOString().replace(/[-:]|\.\d+/g, '')}-${random.toString('hex')}`;
}

/**
 * Proves that an unfinished run is the one the command is about.
 * @throws AirgapError RUN_MISMATCH with every difference
 */
export function checkResumption(run: RunIdentity, asked: Resumption): void {
  const faults: Fault[] = [];
  const compare = (where: string, expected: string, found: string): void => {
    if (expected !== found)
      faults.push({ where, what: 'is not what the unfinished run has', expected, found });
  };
  compare('command', run.kind, asked.kind);
  compare('bundle id', run.bundleId, asked.bundleId);
  compare('cluster UID', run.clusterUid, asked.clusterUid);
  for (const [name, value] of Object.entries(asked.inputs))
    compare(name, run.inputs[name] ?? 'not given', value);
  if (run.schema < OLDEST_SCHEMA || run.schema > TOOL_SCHEMA) {
    compare('version of the run folder', String(run.schema), `${OLDEST_SCHEMA} to ${TOOL_SCHEMA}`);
  }
  if (faults.length === 0) return;
  throw new AirgapError(
    'RUN_MISMATCH',
    `run ${run.runId} (${run.title}) is not finished, and this is not it`,
    {
      faults,
      ...(run.kind === 'backup' ? { hint: 'start again what it stopped: airgap backup resume' } : {}),
    },
  );
}
