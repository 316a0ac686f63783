import type { StepExecutor } from '../../run/types.js';
import type { RestoreWork } from './types.js';

/** Backs up what a restore is going to replace; the file lies in the run's folder. */
export function safetyStep({
  safety,
}: {
  readonly safety: Pick<RestoreWork['safety'], 'find' | 'take'>;
}): StepExecutor {
  let made: string | undefined;
  return {
    observe: async ({ runFolder }) => {
      const path = made ?? (await safety.find(runFolder));
      return path === undefined ? { state: 'ready' } : { state: 'done', detail: `verified: ${path}` };
    },
    perform: async ({ runFolder }) => {
      made = await safety.take(runFolder);
    },
  };
}
