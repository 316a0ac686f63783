import { setTimeout as sleep } from 'node:timers/promises';
import type { StepExecutor } from '../../run/types.js';
import { BACKEND } from '../../runai/names.js';
import type { Action } from '../../runai/steps/types.js';
import type { HealthReport } from '../health.js';
import { readHealth, waitHealthy } from '../health-watch.js';
import { compareDatabase } from './database.js';
import type { Work } from './types.js';

/** A pod that crashes right after its start was ready for a moment. */
const STEADY_MS = 3000;

type Healthy = Extract<Action, { kind: 'wait-healthy' }>;

/**
 * Waits until all workloads of a namespace are ready, or those of one release in it; the control plane's database is
 * asked as well.
 */
export function waitStep(
  work: Pick<Work, 'client' | 'limits' | 'results' | 'countRows'>,
  action: Healthy,
): StepExecutor {
  const { client, limits, results } = work;
  const { namespace } = action;
  const place = action.scope === 'release' ? { namespace, release: action.release } : { namespace };
  const keep = (report: HealthReport): void => {
    if (action.scope === undefined) results.health.set(namespace, report);
  };
  let waited = false;
  return {
    observe: async (context) => {
      const { signal } = context;
      let report = await readHealth(client, place, signal);
      if (report.healthy && !waited) {
        await sleep(STEADY_MS, undefined, { signal });
        report = await readHealth(client, place, signal);
      }
      keep(report);
      const ready = `${report.workloads} workloads ready`;
      if (report.healthy) {
        const database = hasDatabase(action) ? await compareDatabase(work, context) : undefined;
        return { state: 'done', detail: database === undefined ? ready : `${ready}; ${database}` };
      }
      const first = report.troubles[0];
      return { state: 'ready', detail: `${first?.what}: ${first?.state}` };
    },
    perform: async ({ signal, emit }) => {
      const report = await waitHealthy(client, place, { timeout: limits.health, signal, emit });
      keep(report);
      waited = true;
    },
  };
}

function hasDatabase({ scope, namespace }: Healthy): boolean {
  return scope === undefined && namespace === BACKEND.namespace;
}
