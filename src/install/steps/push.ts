import { AirgapError } from '../../errors.js';
import type { StepExecutor } from '../../run/types.js';
import { isPushed, pushBundle, readPushState } from '../push.js';
import type { Work } from './types.js';

/** Pushes every image; done when the registry gives every tag back with the bundle's digest. */
export function pushStep(work: Work): StepExecutor {
  const { bundle, registry, results } = work;
  if (!registry) throw new AirgapError('INTERNAL', 'a plan with a push needs a registry');
  return {
    observe: async ({ signal }) => {
      const state = await readPushState(bundle, registry.client, signal);
      const there = state.images - state.missing.length - state.different.length;
      return {
        state: isPushed(state) ? 'done' : 'ready',
        detail: `${there} of ${state.images} images are in ${registry.text}`,
      };
    },
    perform: async ({ signal, emit }) => {
      const { concurrency } = work.limits;
      results.push = await pushBundle(bundle, registry.client, {
        emit,
        signal,
        ...(concurrency === undefined ? {} : { concurrency }),
      });
    },
  };
}
