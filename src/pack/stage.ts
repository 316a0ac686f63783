import type { Emit } from '../events.js';

export interface StageNames {
  readonly stage: string;
  readonly title: string;
}

/** Announces the begin and the end of a part of the work. `summarise` gives the line that ends it. */
export async function inStage<T>(
  emit: Emit,
  names: StageNames,
  work: () => Promise<T>,
  summarise: (result: T) => string,
): Promise<T> {
  emit({ type: 'stage-started', ...names });
  try {
    const result = await work();
    emit({ type: 'stage-ended', stage: names.stage, outcome: 'ok', summary: summarise(result) });
    return result;
  } catch (error) {
    emit({ type: 'stage-ended', stage: names.stage, outcome: 'failed' });
    throw error;
  }
}
