import { setTimeout as sleep } from 'node:timers/promises';
import type { StepExecutor } from '../../run/types.js';
import { readHealth, waitHealthy } from '../health-watch.js';
import type { Work } from './types.js';

/** A pod that crashes right after its start was ready for a moment. */
const STEADY_MS = 3000;

/** Waits until all workloads of a namespace are ready. */
export function waitStep({ client, limits, results }: Work, namespace: string): StepExecutor {
  let waited = false;
  return {
    observe: async ({ signal }) => {
      let report = await readHealth(client, namespace, signal);
      if (report.healthy && !waited) {
        await sleep(STEADY_MS, undefined, { signal });
        report = await readHealth(client, namespace, signal);
      }
      results.health.set(namespace, report);
      const ready = `${report.workloads} workloads ready`;
      if (report.healthy) return { state: 'done', detail: ready };
      const first = report.troubles[0];
      return { state: 'ready', detail: `${first?.what}: ${first?.state}` };
    },
    perform: async ({ signal, emit }) => {
      const report = await waitHealthy(client, namespace, { timeout: limits.health, signal, emit });
      results.health.set(namespace, report);
      waited = true;
    },
  };
}
