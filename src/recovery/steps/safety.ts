import { join } from 'node:path';
import type { StepExecutor } from '../../run/types.js';
import { readMark } from '../marks.js';
import { SAFETY_BACKUP } from '../safety-backup.js';
import type { RestoreWork } from './types.js';

/** Backs up what a restore is going to replace; the file lies in the run's folder. */
export function safetyStep(work: RestoreWork): StepExecutor {
  const fileOf = (runFolder: string): string => join(runFolder, SAFETY_BACKUP);
  return {
    observe: async ({ runFolder }) => {
      const mark = await readMark(fileOf(runFolder));
      return mark ? { state: 'done', detail: `verified: ${fileOf(runFolder)}` } : { state: 'ready' };
    },
    perform: async ({ runFolder }) => work.safetyBackup(fileOf(runFolder)),
  };
}
