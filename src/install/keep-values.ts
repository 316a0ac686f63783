import { AirgapError } from '../errors.js';
import { digestOf } from '../run/canonical.js';
import type { Session } from '../run/session.js';
import { inputOf, type PlannedRelease } from './plan.js';
import { effectiveName, valuesName } from './saved-names.js';

/**
 * Keeps the complete values of each release that the plan touches with the run, before its first step. A run that
 * was killed before they were kept gets them made again, and they must be the plan's.
 * @throws AirgapError RUN_MISMATCH
 */
export async function keepValues(
  { run, saved }: Pick<Session, 'run' | 'saved'>,
  planned: () => Promise<readonly PlannedRelease[]>,
): Promise<void> {
  for (const step of run.plan.steps) {
    const input = inputOf(step);
    if (!('valuesSha' in input)) continue;
    const name = valuesName(input.release);
    if ((await saved.get(name)) !== undefined) continue;
    const release = (await planned()).find(({ chart }) => chart.release === input.release);
    if (release?.valuesSha !== input.valuesSha || digestOf(release.values) !== input.valuesSha) {
      throw new AirgapError(
        'RUN_MISMATCH',
        `the values of ${input.release} are not those of the unfinished run`,
        {
          expected: `sha256:${input.valuesSha}`,
          found: `sha256:${release?.valuesSha ?? 'none'}`,
          hint: `give the same values as before; or airgap rollback --run ${run.identity.runId}, then install with other values`,
        },
      );
    }
    await saved.put(effectiveName(input.release), JSON.stringify(release.effective));
    await saved.put(name, JSON.stringify(release.values));
  }
}
